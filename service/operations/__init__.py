"""What routes do, one file a resource; no HTTP here beyond problem documents."""
