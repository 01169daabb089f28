"""Generators of a fourth look: tools of other times and of single projects, and one that is only measured."""

from __future__ import annotations

from tests.quality.generator import Generator

FOURTH_TUNED = (
    Generator(
        name="LinuxDoc",
        package="bird-doc",
        folder="usr/share/doc/bird-doc",
        main=("body",),
        drop=("body > a[href]",),
        nav=("body > a[href]",),
    ),
    Generator(
        name="LibreOffice's",
        package="libreoffice-help-en-us",
        folder="usr/share/libreoffice/help/en-US/text",
        main=("#DisplayArea",),
        optional=("[hidden]",),
        nav=("#TopLeftHeader", ".rightside", ".leftside", "footer"),
    ),
    Generator(
        name="libvirt's",
        package="libvirt-doc",
        folder="usr/share/doc/libvirt-doc/html",
        main=("#body",),
        drop=("a.headerlink", "#nav", "#footer"),  # which stand within where the page leaves an element open
        optional=("nav.contents", "div.contents"),
        nav=("#nav", "#footer"),
        skip=("/go/", "404"),
    ),
    Generator(
        name="Ant's",
        package="ant-doc",
        folder="usr/share/doc/ant/manual",
        main=("body",),
        nav=(),
        skip=("list.html", "toc.html", "/api/"),
    ),
    Generator(
        name="Docutils'",
        package="docutils-doc",
        folder="usr/share/doc/docutils-doc",
        main=("main", "div.document"),
        optional=("nav.contents", "div.contents"),
        nav=("div.header", "div.footer", "header", "footer"),
    ),
    Generator(
        name="Vim's",
        package="vim-doc",
        folder="usr/share/doc/vim/html",
        main=("body",),
        drop=("body > a[href]",),
        nav=("body > a[href]",),
        # The last six name an encoding that is not theirs, and browsers show them so.
        skip=("tags.html", "arabic.html", "ft_raku.html", "pattern.html", "russian.html", "spell.html", "todo.html"),
    ),
    Generator(
        name="libxml2's",
        package="libxml2-doc",
        folder="usr/share/doc/libxml2/html",
        main=('body > table + table td[bgcolor="#8b7765"] + td',),
        also=("body > table:first-of-type h2",),
        drop=("table.navigation",),
        optional=("p:last-of-type",),  # who wrote it
        nav=('td[width="200"]', "table.navigation"),
        skip=("tutorial", "examples", "API", "/html/index", "ChangeLog"),
    ),
    Generator(
        name="Macaulay2's",
        package="macaulay2-common",
        folder="usr/share/doc/Macaulay2/Macaulay2Doc/html",
        main=("body > hr + div",),
        nav=("table.buttons", "body > table + div"),
        skip=("toc.html", "master.html"),
    ),
    Generator(
        name="makedoc",
        package="allegro4-doc",
        folder="usr/share/doc/allegro4-doc/html",
        main=("body",),
        drop=(".al-back-to-contents",),
        nav=(".al-back-to-contents",),
        optional=(".mini_toc",),
        skip=("/index.html", "allegro.html"),
    ),
    Generator(
        name="ProFTPD's",
        package="proftpd-doc",
        folder="usr/share/doc/proftpd-doc",
        main=("body",),
        nav=(),
        optional=("font[size='2']", "div.toc"),  # whose it is
        skip=("/index.html", "Configuration.html"),
    ),
    Generator(
        name="doctext",
        package="mpich-doc",
        folder="usr/share/doc/mpich-doc/html/www3",
        main=("body",),
        nav=(),
        skip=("index.html",),
    ),
    Generator(
        name="Spectre's",
        package="libjs-spectre-docs",
        folder="usr/share/doc/libjs-spectre-docs/docs",
        main=("#content > .container",),
        optional=(".docs-demo",),  # shows what a widget looks like
        nav=(".docs-navbar", ".docs-sidebar", ".docs-footer"),
        skip=("examples/",),
    ),
    Generator(
        name="Graphviz's",
        package="graphviz-doc",
        folder="usr/share/doc/graphviz/html",
        main=("body",),
        nav=(),
        skip=("/index.html",),
    ),
    Generator(
        name="Asciidoctor",
        package="kicad-doc-en",
        folder="usr/share/doc/kicad/help/en",
        main=("body",),
        drop=("#toc", "#footer", ".linenos"),
        optional=("#header > .details",),
        nav=("#toc",),
    ),
    Generator(
        name="haproxy-dconv",
        package="haproxy-doc",
        folder="usr/share/doc/haproxy/html",
        main=("#page-wrapper",),
        drop=("a.anchor", ".dropdown-menu"),
        nav=("nav.navbar", "#sidebar"),
    ),
)

FOURTH_HELD_OUT = (
    Generator(
        name="POV-Ray's",
        package="povray-doc",
        folder="usr/share/doc/povray/html",
        main=(".Content",),
        drop=("table.HeaderFooter",),
        nav=(".NavPanel", "table.HeaderFooter"),
        skip=("index.html",),
    ),
)
