"""How every test starts Chromium: as reports do, and without a sandbox."""

from hemm.report import browser

QUIET = ("--no-sandbox", *browser.QUIET)
