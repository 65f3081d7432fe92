"""mpcnet."""
