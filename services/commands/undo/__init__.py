"""Commands that undo: a deleted user is restored, edited attributes are brought back."""
