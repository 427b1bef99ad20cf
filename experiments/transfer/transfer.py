"""Predictions for tasks without measurements, from models of other tasks: ``netwright compare transfer``.

Row ids: 1 architectures proposed until the optimum, 2 held-out tasks, 3 graph data sets left out, 4 seconds
from an upload, 5 batches, 7 tasks far from those learned from, 8 whether tables can be read back.
"""

from collections.abc import Sequence

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import Row
from experiments.transfer import batches, speed
from experiments.transfer.cells import cell_rows, far_rows, held_out_rows
from experiments.transfer.graphs import graph_rows
from experiments.transfer.read_back import read_back_rows

PROTOCOL = """\
Tasks of nasbench201: the shipped model learned from 4,630 trainings of cells on random 20-class subsets of
ImageNet (DiffusionNAG, from MetaD2A), and from nothing of CIFAR. What it is made of was chosen by tasks of
these held out; earlier versions were looked at on CIFAR (optima 8th and 164th, then 8th and 123rd) and
replaced by what orders held-out tasks better. 1: all 15,625 cells in the order of the predicted mean, those
alike by parameters; counted until the table's optimum, until within one standard deviation of training
seeds, and the best of the first five. CIFAR-10 is given as 20 images a class drawn by seed
(cifar10_jpeg.tar.xz, recompressed), CIFAR-100 as the ImageNet classes that share a word with its class names
(classes that share none are left out). shuffled: the prototypes are those of as many other ImageNet classes.
Every order is the model's: no other task's measured accuracies take part. 2: five parts of the tasks, each
predicted by models that saw the other four; within: pairs of one task in the right order less those in the
wrong one, over both (Kendall's tau). 3: the strategy transfer, 20 evaluations of test accuracy in the table
of NAS-Bench-Graph; the function of the data set that is searched takes no part, those of the others learned
from half of their own scores; developed on validation accuracies. Goals: the expected best of two percent
of the measured architectures drawn at random, computed from the table. 7: tasks that nothing like was learned
from, in process too. 8: Spearman of what ships and what was measured: of graph data sets over the half of the
architectures learned from (inside) and the other half; of the pairs with cells learned from, and by models
that saw no pair of a cell's function, both with levels of tasks learned from other tasks."""


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
    parts = (cell_rows, held_out_rows, graph_rows, speed.speed, batches.batches, far_rows, read_back_rows)
    return [row for part in parts for row in context.section(part)]
