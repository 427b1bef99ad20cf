"""The HTTP API's routes, one file a resource; each only translates between HTTP and the rooms below."""
