"""``netwright compare reliability``: attacks and faults on a running service, and what they did to it.

:mod:`~experiments.reliability.stack` starts ``netwright serve`` as a user would; an attack is a plain
function of a :class:`~experiments.reliability.target.Target`; :mod:`~experiments.reliability.drill` runs one
while :mod:`~experiments.reliability.probe` watches from a process of its own.
"""
