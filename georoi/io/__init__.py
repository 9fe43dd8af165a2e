"""The rim: files in and out; foreign errors become ours here."""
