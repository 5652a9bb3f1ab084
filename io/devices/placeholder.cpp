// Removed when the first real unit of this folder lands.
