"""The figures of a library: kept in the head of each generation's manifest, so that asking reads no page."""

from pydantic import ValidationError

from runnel.domain.libraries import Library
from runnel.domain.statistics import Statistics, count_pages
from runnel.usecases.manifests import read_head, read_manifest
from runnel.usecases.services import Services


async def read_statistics(services: Services, library: Library) -> Statistics:
    """The figures of the generation that the library shows; raises `ManifestDamaged`."""
    if not library.pointer.path:
        return Statistics()
    head = await read_head(services, library.tenant, library.pointer.path)
    try:
        return Statistics.model_validate(head["statistics"])
    except (KeyError, ValidationError):  # written before there were any
        return count_pages((await read_manifest(services, library)).values())
