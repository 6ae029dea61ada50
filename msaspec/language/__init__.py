"""What a manifest may say, and the narrow waist between kinds of resources and runtimes."""
