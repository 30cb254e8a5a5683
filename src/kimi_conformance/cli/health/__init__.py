"""
What can ail an installation. Each module looks at one part of it.

`observe` looks and judges nothing; `findings` judges what was seen and looks at nothing, so
that every ailment can be shown to it.
"""
