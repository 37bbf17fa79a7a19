"""What outlives the process. One file for each kind of thing that is kept, over one database."""
