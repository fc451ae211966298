"""Rules: each turns one form of an expression into an equal one and says so."""
