"""What is enforced where, and what becomes of plaintext."""
