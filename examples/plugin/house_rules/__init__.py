"""What our shop asks of its mesh, beside what Istio does."""
