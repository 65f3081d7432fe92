"""Joint credit scoring: records, scorecard, circuit, job, metrics and report; the first job of this project."""
