"""What a party can show afterwards: a log of its runs that shows every change, countersigned by its peers."""
