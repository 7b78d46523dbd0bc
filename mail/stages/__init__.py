"""The rules of the way in, one file each. A stage has a name, a sentence, and `check`; it reads and changes nothing."""
