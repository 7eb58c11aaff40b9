"""One task to one shard, in other processes of this machine or of several."""
