"""The profile: scores by every dimension."""

from hemm.analysis.profile.build import Extras, profile
from hemm.analysis.profile.rows import Profile

__all__ = ["Extras", "Profile", "profile"]
