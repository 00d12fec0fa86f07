"""What lies behind URLs: file systems, whole objects, claims on places, input, datasets, and work folders."""
