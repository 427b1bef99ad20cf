"""What other tasks tell of one that nobody has measured: ``netwright compare transfer``.

Row ids: 1 architectures proposed until the optimum, 2 held-out tasks, 3 graph data sets left out, 4 seconds
from an upload, 5 batches, 7 tasks far from those learned from.
"""

from collections.abc import Sequence

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.transfer import batches, speed
from experiments.transfer.cells import cell_rows, far_rows, held_out_rows
from experiments.transfer.graphs import graph_rows

PROTOCOL = """\
Tasks of nasbench201: the shipped model learned from 4,630 trainings of cells on random 20-class subsets of
ImageNet (DiffusionNAG, from MetaD2A), and from nothing of CIFAR. What it is made of was chosen by tasks of
these held out; earlier versions were looked at on CIFAR (optima 8th and 164th, then 8th and 123rd) and
replaced by what orders held-out tasks better. 1: all 15,625 cells in the order of the predicted mean, those
alike by parameters; counted until the table's optimum, until within one standard deviation of training
seeds, and the best of the first five. CIFAR-10 is given as 20 images a class drawn by seed
(cifar10_jpeg.tar.xz, recompressed), CIFAR-100 as the ImageNet classes that share a word with its class names
(classes that share none are left out). shuffled: the prototypes are those of as many other ImageNet classes.
with-cifar10: CIFAR-100 in the order of CIFAR-10's own accuracies alone, the mean of the official ones and
AnalogNAS-Bench in full precision as normal scores; joined: the model's order and these with equal weights,
as held-out tasks of the pairs prefer. That the first of the two stands for a task like CIFAR-100 was decided
after the second had been judged (29th). 2: five parts of the tasks, each predicted by models that saw the
other four; within: pairs of one task in the right order less those in the wrong one, over both (Kendall's
tau). 3: the strategy transfer, 20 evaluations of test accuracy in the table of NAS-Bench-Graph; the judged
data set's model takes no part, those of the eight others learned from all of their own test scores;
developed on validation accuracies. Goals: the best of two percent of the space drawn at random, as
published. 7: tasks that nothing like was learned from, in process too."""


@comparison(
    "transfer",
    protocol=PROTOCOL + speed.PROTOCOL + batches.PROTOCOL,
    seeds=3,
    full_seeds=20,
    alone=True,
    hours=0.6,
)
def transfer(context: Context) -> Sequence[Row]:
    """All figures."""
    parts = (cell_rows, held_out_rows, graph_rows, speed.speed, batches.batches, far_rows)
    return [row for part in parts for row in context.section(part)]
