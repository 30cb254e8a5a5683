"""Load runs as commands have them: planned, started beside their target, summed up."""
