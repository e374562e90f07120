"""What people try who mean no good. None of it passes."""
