"""Generators of a third look, taken after what those of `later_generators.py` showed had been mended."""

from __future__ import annotations

from tests.quality.generator import Generator, sphinx

THIRD_TUNED = (
    sphinx(
        "Sphinx, Read the Docs' theme",
        "bind9-doc",
        folder="usr/share/doc/bind9-doc/arm",
        main="[itemprop=articleBody]",
        nav=(".wy-nav-side", ".wy-breadcrumbs", ".rst-footer-buttons", "footer"),
        gutter=(".linenos",),
    ),
    Generator(
        name="Material for MkDocs",
        package="freetype2-doc",
        folder="usr/share/doc/libfreetype-dev/reference",
        main=("article.md-content__inner",),
        drop=("a.headerlink",),
        optional=("article > p:first-of-type",),
        nav=(".md-header", ".md-sidebar", ".md-footer"),
        skip=("404.html",),
    ),
    sphinx(
        "Sphinx, scikit-learn's theme",
        "python-sklearn-doc",
        main="[role=main]",
        optional=("div.topic",),
        nav=("#navbar", "#sk-sidebar-wrapper", "footer"),
    ),
    sphinx(
        "Sphinx, Guzzle's theme",
        "borgbackup-doc",
        folder="usr/share/doc/borgbackup/html",
        nav=("div.related", "#left-column", "div.footer"),
    ),
    Generator(
        name="Slurm's",
        package="slurm-wlm-doc",
        folder="usr/share/doc/slurm-wlm/html",
        main=("[role=main]",),
        drop=("a.slurm_link",),
        nav=(".site-header", "footer"),
        optional=("[role=main] p:last-of-type",),  # when it was changed last
    ),
    Generator(
        name="Exim's",
        package="exim4-doc-html",
        folder="usr/share/doc/exim4-doc-html/spec_html",
        main=("#content",),
        drop=("a.previous_page", "a.toc_page", "a.next_page"),
        nav=(".nav", "a.previous_page", "a.toc_page", "a.next_page", "#branding", "#footer"),
        skip=("ix01", "index"),
    ),
    Generator(
        name="SWIG's",
        package="swig4.0-doc",
        folder="usr/share/doc/swig4.0-doc",
        main=("body",),
        optional=(".sectiontoc",),
        nav=(),
        skip=("SWIGDocumentation", "Contents.html", "index.html"),
    ),
    Generator(
        name="Postfix's",
        package="postfix-doc",
        folder="usr/share/doc/postfix/html",
        main=("body",),
        nav=(),
        skip=("index.html",),
    ),
    Generator(
        name="EDoc",
        package="erlang-proper-doc",
        folder="usr/share/doc/erlang-proper-doc/edoc",
        main=("body",),
        drop=(".navbar", "body > p:last-of-type"),
        optional=("ul.index",),
        nav=(".navbar",),
        skip=("index.html", "modules-frame"),
    ),
    Generator(
        name="MkDocs, its newer theme",
        package="python-uvicorn-doc",
        folder="usr/share/doc/python-uvicorn-doc/html",
        main=("[role=main]",),
        drop=("a.headerlink",),
        nav=(".navbar", ".bs-sidebar", "footer"),
        skip=("404.html", "overrides"),
    ),
)
