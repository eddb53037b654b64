"""Gold question sets for `precis eval`, made from data that is fetched and never committed. See ../README.md."""
