"""Programs that hemm starts and ends: replicas of a local model, servers, and the base of workers."""
