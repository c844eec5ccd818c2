"""Results as tables for people and for spreadsheets."""
