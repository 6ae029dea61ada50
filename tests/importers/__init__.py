"""Files of other tools become manifests, and every key of them is accounted for."""
