"""What must hold; packages, so that `pytest --pyargs` finds the checks in an installation."""
