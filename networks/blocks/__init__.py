"""The layers that networks are made of.

An exported network contains the text of those that it uses, so each file imports torch alone, and a class
refers to nothing but torch and other classes and functions of this package.
"""
