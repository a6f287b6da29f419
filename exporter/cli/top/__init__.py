"""`bingx-exporter top`: a running exporter, watched in a terminal. It asks for `/metrics` and for nothing else."""
