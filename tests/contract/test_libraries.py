"""What every store of libraries promises (runnel/ports/libraries.py)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from runnel.domain.jobs import Source
from runnel.domain.libraries import Edit, Library, Pointer
from runnel.errors import LibraryBusy, LibraryNotFound
from tests.contract.bundle import Stores
from tests.contract.makers import NOON, TENANT, make_library


def make_pointer(generation: int, job_id: str = "job1") -> Pointer:
    path = f"generations/docs/{generation}-{job_id}-1"
    return Pointer(generation=generation, path=path, published_by=job_id, pages=3, published_at=NOON)


async def get(stores: Stores) -> Library:
    library = await stores.libraries.get(TENANT, "docs")
    assert library is not None
    return library


async def test_a_library_comes_back_as_it_was_stored(stores: Stores) -> None:
    """Its sources are what the next crawl starts from."""
    library = replace(make_library(), pointer=make_pointer(4), kept=(make_pointer(4),), published={"job1": 4})
    library = replace(library, active_job="job1")

    assert await stores.libraries.ensure(library) == library
    assert await get(stores) == library
    assert await stores.libraries.get("other", "docs") is None
    assert await stores.libraries.get(TENANT, "blog") is None


async def test_a_library_that_exists_is_not_replaced(stores: Stores) -> None:
    """Every job ensures its library; what was published stays."""
    first = await stores.libraries.ensure(make_library())
    await stores.libraries.move_pointer(first, make_pointer(1), job_id="job1")
    moved = await get(stores)

    assert await stores.libraries.ensure(make_library()) == moved
    assert await get(stores) == moved


async def test_a_tenant_lists_its_libraries_by_name(stores: Stores) -> None:
    """And sees no other tenant's."""
    for library_id in ("docs", "blog", "api"):
        await stores.libraries.ensure(make_library(library_id))
    await stores.libraries.ensure(make_library("zoo", tenant="acme2"))

    assert [library.library_id for library in await stores.libraries.list_libraries(TENANT)] == ["api", "blog", "docs"]
    assert await stores.libraries.list_libraries("nobody") == []


async def test_one_job_at_a_time_may_change_a_library(stores: Stores) -> None:
    """The second is told which one holds it."""
    await stores.libraries.ensure(make_library())
    await stores.libraries.claim(TENANT, "docs", "job1")
    await stores.libraries.claim(TENANT, "docs", "job1")

    with pytest.raises(LibraryBusy) as busy:
        await stores.libraries.claim(TENANT, "docs", "job2")
    assert busy.value.job_id == "job1"
    assert (await get(stores)).active_job == "job1"


async def test_of_many_claims_at_once_one_is_granted(stores: Stores) -> None:
    """Two schedules at the same minute: one write decides."""
    await stores.libraries.ensure(make_library())
    claims = [stores.libraries.claim(TENANT, "docs", f"job{number}") for number in range(5)]
    answers = await asyncio.gather(*claims, return_exceptions=True)
    granted = [f"job{number}" for number, answer in enumerate(answers) if answer is None]

    assert len(granted) == 1
    assert (await get(stores)).active_job == granted[0]
    assert sum(isinstance(answer, LibraryBusy) for answer in answers) == 4


async def test_an_unknown_library_cannot_be_claimed(stores: Stores) -> None:
    """A claim must not make a library."""
    with pytest.raises(LibraryNotFound):
        await stores.libraries.claim(TENANT, "docs", "job1")
    assert await stores.libraries.get(TENANT, "docs") is None


async def test_a_library_is_freed_only_by_its_job(stores: Stores) -> None:
    """A zombie that ends must not free what its library's next job has claimed."""
    await stores.libraries.ensure(make_library())
    await stores.libraries.claim(TENANT, "docs", "job1")
    await stores.libraries.free(TENANT, "docs", "job2")

    assert (await get(stores)).active_job == "job1"

    for _ in range(2):
        await stores.libraries.free(TENANT, "docs", "job1")

    assert (await get(stores)).active_job is None

    await stores.libraries.free(TENANT, "blog", "job1")

    assert await stores.libraries.get(TENANT, "blog") is None


async def test_a_claim_is_renewed_by_its_holder_alone(stores: Stores) -> None:
    """Whoever was taken for dead must not take the library back; an answer that was lost is asked for again."""
    await stores.libraries.ensure(make_library())
    assert await stores.libraries.renew(TENANT, "docs", "verify-a-0", "verify-a-1") is False
    await stores.libraries.claim(TENANT, "docs", "verify-a-0")

    assert await stores.libraries.renew(TENANT, "docs", "verify-a-0", "verify-a-1") is True
    assert await stores.libraries.renew(TENANT, "docs", "verify-a-0", "verify-a-1") is True
    assert (await get(stores)).active_job == "verify-a-1"

    await stores.libraries.free(TENANT, "docs", "verify-a-1")
    await stores.libraries.claim(TENANT, "docs", "job1")

    assert await stores.libraries.renew(TENANT, "docs", "verify-a-1", "verify-a-2") is False
    assert (await get(stores)).active_job == "job1"
    assert await stores.libraries.renew(TENANT, "blog", "verify-a-1", "verify-a-2") is False
    assert await stores.libraries.get(TENANT, "blog") is None


async def test_a_library_is_deleted_by_who_has_claimed_it(stores: Stores) -> None:
    """No job may begin to crawl what is being deleted; afterwards it is neither found nor listed."""
    await stores.libraries.ensure(make_library())
    await stores.libraries.ensure(make_library("other"))

    assert await stores.libraries.delete(TENANT, "docs", "job1") is False

    await stores.libraries.claim(TENANT, "docs", "job1")

    assert await stores.libraries.delete(TENANT, "docs", "job2") is False
    assert await stores.libraries.delete(TENANT, "docs", "job1") is True
    assert await stores.libraries.delete(TENANT, "docs", "job1") is False
    assert await stores.libraries.get(TENANT, "docs") is None
    assert [library.library_id for library in await stores.libraries.list_libraries(TENANT)] == ["other"]


EDITED = Edit(by="e1", at=NOON, fields=("sources", "title"))


def edit_of(library: Library, **changes: Any) -> Library:
    """The next revision of a library."""
    return replace(library, revision=library.revision + 1, edit=EDITED, **changes)


async def test_an_edit_changes_what_users_set_and_nothing_else(stores: Stores) -> None:
    """Sources, settings, and who did it last."""
    await stores.libraries.ensure(make_library())
    await stores.libraries.move_pointer(await get(stores), make_pointer(1), job_id="job1")
    seen = await get(stores)
    added = (*seen.sources, Source(source_id="api", url="https://docs.example.com/api/"))
    wanted = edit_of(seen, sources=added, title="The guide", metadata={"team": "docs", "é": "ü"})

    assert await stores.libraries.edit(seen, wanted) is True
    assert await get(stores) == wanted

    plain = edit_of(wanted, title="", metadata={}, sources=())

    assert await stores.libraries.edit(wanted, plain) is True
    assert await get(stores) == plain


async def test_an_edit_of_what_has_changed_meanwhile_does_nothing(stores: Stores) -> None:
    """By another edit, a publication, or a job that has begun or ended: whoever edits looks again."""
    seen = await stores.libraries.ensure(make_library())
    first = await stores.libraries.edit(seen, edit_of(seen, title="first"))
    second = await stores.libraries.edit(seen, edit_of(seen, title="second"))
    edited = await get(stores)
    await stores.libraries.move_pointer(edited, make_pointer(1), job_id="job1")
    third = await stores.libraries.edit(edited, edit_of(edited, title="third"))
    published = await get(stores)
    await stores.libraries.claim(TENANT, "docs", "job2")
    fourth = await stores.libraries.edit(published, edit_of(published, title="fourth"))
    claimed = await get(stores)
    fifth = await stores.libraries.edit(claimed, edit_of(claimed, title="fifth"))
    await stores.libraries.free(TENANT, "docs", "job2")
    sixth = await stores.libraries.edit(claimed, edit_of(claimed, title="sixth"))
    unknown = await stores.libraries.edit(make_library("blog"), edit_of(make_library("blog")))

    assert (first, second, third, fourth, fifth, sixth, unknown) == (True, False, False, False, True, False, False)
    assert ((await get(stores)).title, (await get(stores)).revision) == ("fifth", 2)
    assert await stores.libraries.get(TENANT, "blog") is None


async def test_of_many_edits_at_once_one_happens(stores: Stores) -> None:
    """The others must look again, or one would be lost."""
    seen = await stores.libraries.ensure(make_library())
    edits = [stores.libraries.edit(seen, edit_of(seen, title=str(number))) for number in range(5)]
    done = await asyncio.gather(*edits)

    assert sum(done) == 1
    assert (await get(stores)).title == str(done.index(True))


async def test_a_library_gets_another_name_as_a_whole(stores: Stores) -> None:
    """Found and listed under the new one only, with all that it had."""
    await stores.libraries.ensure(make_library())
    await stores.libraries.move_pointer(await get(stores), make_pointer(1), job_id="job1")
    await stores.libraries.ensure(make_library("taken"))
    seen = await get(stores)
    taken = await stores.libraries.edit(seen, edit_of(seen, library_id="taken", former_names=("docs",)))
    wanted = edit_of(seen, library_id="guide", former_names=("docs",))

    assert taken is False
    assert await get(stores) == seen
    assert await stores.libraries.edit(seen, wanted) is True
    assert await stores.libraries.edit(seen, wanted) is False
    assert await stores.libraries.get(TENANT, "guide") == wanted
    assert await stores.libraries.get(TENANT, "docs") is None
    assert [one.library_id for one in await stores.libraries.list_libraries(TENANT)] == ["guide", "taken"]
    assert wanted.first_name == "docs"


async def test_publishing_moves_the_pointer_over_its_base(stores: Stores) -> None:
    """Readers see the old generation or the new one; everything else stays."""
    library = await stores.libraries.ensure(make_library())
    await stores.libraries.claim(TENANT, "docs", "job1")
    moved = await stores.libraries.move_pointer(library, make_pointer(1), job_id="job1")

    assert moved is True
    assert await get(stores) == replace(
        library, pointer=make_pointer(1), kept=(make_pointer(1),), published={"job1": 1}, active_job="job1"
    )


async def test_the_last_five_generations_are_kept(stores: Stores) -> None:
    """What may be rolled back to is known with the pointer, in the same write; a sixth pushes out the first."""
    await stores.libraries.ensure(make_library())
    for generation in range(1, 7):
        pointer = replace(make_pointer(generation), base_path=f"generations/docs/{generation - 1}")
        assert await stores.libraries.move_pointer(await get(stores), pointer, job_id=f"job{generation}")

    library = await get(stores)

    assert [pointer.generation for pointer in library.kept] == [6, 5, 4, 3, 2]
    assert library.kept[0] == library.pointer
    assert library.kept[4] == replace(make_pointer(2), base_path="generations/docs/1")


async def test_pointer_conditional_a_pointer_that_has_moved_is_left_alone(stores: Stores) -> None:
    """Two publishers from the same base: the second builds anew, or pages would be lost [pointer_conditional]."""
    base = await stores.libraries.ensure(make_library())
    first = await stores.libraries.move_pointer(base, make_pointer(1), job_id="job1")
    second = await stores.libraries.move_pointer(base, make_pointer(1, "job2"), job_id="job2")
    unknown = await stores.libraries.move_pointer(make_library("blog"), make_pointer(1), job_id="job2")

    assert (first, second, unknown) == (True, False, False)
    assert (await get(stores)).pointer == make_pointer(1)
    assert (await get(stores)).published == {"job1": 1}


async def test_by_each_job_what_an_active_job_published_is_remembered_over_any_number_of_others(stores: Stores) -> None:
    """A successor that does not find its job's generation would publish twice [by_each_job]."""
    library = await stores.libraries.ensure(make_library())
    await stores.libraries.claim(TENANT, "docs", "job1")
    await stores.libraries.move_pointer(library, make_pointer(1), job_id="job1")
    for generation in range(2, 40):
        other = f"other{generation}"
        moved = await stores.libraries.move_pointer(await get(stores), make_pointer(generation, other), job_id=other)

        assert moved is True

    published = (await get(stores)).published

    assert published["job1"] == 1
    assert published["other39"] == 39
