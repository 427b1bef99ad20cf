"""What goes in and out over HTTP: ``…Create`` is taken, ``…Public`` is given, ``…List`` is a page.

What is taken forbids unknown fields, so that nobody sets a tenant, a state or an attempt, and converts
nothing: ``"5"`` is no number. Names and bounds are checked further by :mod:`search.request.design_request`.
"""

from service.schemas.base import Create, Name, QuantityCreate, Variables
from service.schemas.catalog import (
    DeclaredSpacePublic,
    MetricPublic,
    SpaceCreate,
    SpaceList,
    SpacePublic,
    SpaceSummary,
    VariablePublic,
)
from service.schemas.designs import (
    BaselinePublic,
    ConstraintCreate,
    DesignCreate,
    DesignedPublic,
    GapPublic,
    NearestPublic,
    ResultPublic,
    ValuePublic,
)
from service.schemas.devices import (
    CrossValidationPublic,
    DeviceCreate,
    DeviceList,
    DevicePublic,
    MeasuredDevicePublic,
    MeasurementCreate,
    ProbePublic,
)
from service.schemas.health import HealthPublic, ReadyPublic
from service.schemas.jobs import JobList, JobPublic, JobUrls, ProgressPublic
from service.schemas.predictions import ColumnPublic, IntervalPublic, PredictCreate, PredictionsPublic
from service.schemas.tasks import TaskCreate, TaskList, TaskPublic, TaskShown, UploadedTaskPublic

__all__ = [
    "BaselinePublic",
    "ColumnPublic",
    "ConstraintCreate",
    "Create",
    "CrossValidationPublic",
    "DeclaredSpacePublic",
    "DesignCreate",
    "DesignedPublic",
    "DeviceCreate",
    "DeviceList",
    "DevicePublic",
    "GapPublic",
    "HealthPublic",
    "IntervalPublic",
    "JobList",
    "JobPublic",
    "JobUrls",
    "MeasuredDevicePublic",
    "MeasurementCreate",
    "MetricPublic",
    "Name",
    "NearestPublic",
    "PredictCreate",
    "PredictionsPublic",
    "ProbePublic",
    "ProgressPublic",
    "QuantityCreate",
    "ReadyPublic",
    "ResultPublic",
    "SpaceCreate",
    "SpaceList",
    "SpacePublic",
    "SpaceSummary",
    "TaskCreate",
    "TaskList",
    "TaskPublic",
    "TaskShown",
    "UploadedTaskPublic",
    "ValuePublic",
    "VariablePublic",
    "Variables",
]
