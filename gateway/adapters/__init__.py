"""What needs the outside world: mail, text messages, captchas, and who vouches for users of other services."""
