"""Which routes and traffic rules ambient clients follow."""
