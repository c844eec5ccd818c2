"""The HTML pages: ``document`` writes the report of results, ``diff`` the page of changed answers."""
