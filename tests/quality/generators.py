"""
The documentation that quality is measured on: Debian packages, one row each, with the truth about their pages.

* The truth is a set of selectors of our own over another parser's tree; nothing here is read by the extractor.
* `drop` is furniture inside the main part, `optional` what may be kept or not (it counts for neither side), `nav` what
  must not come out at all.
* The rows of `HELD_OUT` were written from the HTML before the extractor had seen it, and are never tuned on.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Marks and scripts that no generator means to be read.
NEVER = ("script", "style", "template", "noscript", "button", "input", "select", "textarea", "svg", "iframe")

#: Marks of footnotes: `[^1]` stands for them, which is no link.
NOTES = (
    "a[role=doc-noteref]", "a.footnote-reference", "a.footnote-ref", "a.footnote", "a[data-footnote-ref]",
    "sup.footnote-reference", "sup.reference", "a[role=doc-backlink]", "a.fn-backref", "a.footnote-backref",
    ".footnote .label", ".footnote a.para", ".mw-cite-backlink", "a[id^=DOCF]", ".footnote h5",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One generator, and how to know what its pages say."""

    name: str
    package: str  # Debian's; "" for pages of ours
    folder: str  # where the package puts the pages
    main: tuple[str, ...]  # the first that matches is the main part
    also: tuple[str, ...] = ()  # parts of the text that stand before the main part
    drop: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    nav: tuple[str, ...] = ("nav", "[role=navigation]")
    code: tuple[str, ...] = ("pre",)
    gutter: tuple[str, ...] = ()  # inside code
    lines: tuple[str, ...] = ()  # code blocks whose lines are elements of this kind: (block, line) pairs
    skip: tuple[str, ...] = ()  # parts of paths that are no pages of text
    pages: str = "**/*.html"


SPHINX = ("genindex", "search.html", "modindex", "_static", "_sources", "_modules")

TUNED = (
    Generator(
        name="Sphinx, Python's theme",
        package="python3.11-doc",
        folder="usr/share/doc/python3.11/html",
        main=("div.body",),
        drop=("a.headerlink",),
        optional=("nav.contents", "div.contents"),
        nav=("div.related", "div.sphinxsidebar", "div.mobile-nav", "div.footer"),
        skip=(*SPHINX, "changelog.html"),
    ),
    Generator(
        name="Sphinx, Django's theme",
        package="python-django-doc",
        folder="usr/share/doc/python-django-doc/html",
        main=("#yui-main",),
        drop=("a.headerlink",),
        optional=("nav.contents", "div.contents", "label"),
        nav=("#hd", "#ft", "#sidebar"),
        skip=SPHINX,
    ),
    Generator(
        name="Sphinx, PyData's theme",
        package="python-pandas-doc",
        folder="usr/share/doc/python-pandas-doc/html",
        main=("main",),
        drop=("a.headerlink", ".prev-next-area", ".prev-next-bottom"),
        optional=("nav.contents", "div.contents"),
        nav=("nav.navbar", ".bd-sidebar", ".bd-toc", ".prev-next-area", "footer"),
        skip=SPHINX,
    ),
    Generator(
        name="DocBook",
        package="postgresql-doc-15",
        folder="usr/share/doc/postgresql-doc-15/html",
        main=("body",),
        drop=(".navheader", ".navfooter"),
        nav=(".navheader", ".navfooter"),
        optional=("a.id_link",),
        skip=("bookindex",),
    ),
    Generator(
        name="mdBook",
        package="rust-doc",
        folder="usr/share/doc/rust-doc/html/book",
        main=("#content main",),
        drop=(".buttons",),
        nav=("nav", "#menu-bar"),
        skip=("print.html", "toc.html"),
    ),
    Generator(
        name="rustdoc",
        package="rust-doc",
        folder="usr/share/doc/rust-doc/html/alloc",
        main=("#main-content",),
        drop=(
            ".out-of-band",
            "a.test-arrow",
            "a.anchor",
            ".information",
            "a.srclink",
            "summary.hideme",
            ".notable-traits",
        ),
        optional=(".rightside", ".since", "#copy-path"),
        nav=("nav", ".sub form"),
        skip=("all.html", "index.html.gz"),
    ),
    Generator(
        name="javadoc",
        package="openjdk-17-doc",
        folder="usr/share/doc/openjdk-17-jre-headless/api/java.base/java",
        main=("main",),
        nav=("header nav", "footer", ".top-nav", ".sub-nav"),
        optional=("#related-package-summary",),
        skip=("class-use", "package-use", "package-tree"),
    ),
    Generator(
        name="MediaWiki",
        package="cppreference-doc-en-html",
        folder="usr/share/cppreference/doc/html/en",
        main=("#content",),
        drop=(".t-navbar", ".editsection", "#toc", ".noprint", "#mw-js-message", "#catlinks", ".printfooter"),
        optional=("#siteSub", "#contentSub", ".t-sdsc-sep", ".ambox"),
        nav=(".t-navbar", "#cpp-head-first-base", "#cpp-footer-base"),
    ),
    Generator(
        name="MkDocs",
        package="mkdocs-doc",
        folder="usr/share/doc/mkdocs/html",
        main=("[role=main]",),
        drop=("a.headerlink",),
        nav=(".navbar", ".bs-sidebar", "footer"),
        skip=("404.html", "search.html"),
    ),
    Generator(
        name="Node's",
        package="nodejs-doc",
        folder="usr/share/doc/nodejs/api",
        main=("#apicontent",),
        drop=("a.mark", "a.srclink", "input.js-flavor-selector"),
        optional=("details.changelog > summary",),
        nav=("#column2", "#gtoc", "#toc"),
        skip=("all.html",),
    ),
    Generator(
        name="SQLite's",
        package="sqlite3-doc",
        folder="usr/share/doc/sqlite3",
        main=("body",),
        drop=(".menu", ".tagline", ".searchmenu", ".fancy_toc", ".fancy-toc", "#toc_sub"),
        optional=(".imgcontainer", ".codetoggle"),
        nav=(".menu", ".searchmenu", ".tagline"),
        skip=("search.html", "releaselog/current", "toc.html", "keyword_index", "sitemap"),
    ),
    Generator(
        name="AsciiDoc",
        package="git-doc",
        folder="usr/share/doc/git-doc",
        main=("body",),
        drop=("#footer", "#toc"),
        nav=("#toc", "#footer"),
    ),
    Generator(
        name="Doxygen",
        package="libeigen3-doc",
        folder="usr/share/doc/libeigen3-dev/html",
        main=("#doc-content",),
        drop=(
            ".summary",
            "#MSearchSelectWindow",
            "#MSearchResultsWindow",
            ".ttc",
            ".permalink",
            ".inlinemenu",
            "#nav-path",
            ".lineno",
        ),
        optional=(
            ".ingroups",
            ".dynheader",
            ".dyncontent",
            ".levels",
            ".arrow",
            ".toc",
            ".navpath",
            ".inherit",
            ".mlabels-right",
            ".inherit_header",
            ".memSeparator",
        ),
        nav=("#top", "#side-nav", "#nav-path", ".summary", "address.footer"),
        lines=("div.fragment", "div.line"),
        skip=(
            "search/",
            "unsupported/search",
            "_source.html",
            "graph_legend",
            "dir_",
            "-members",
            "doxygen_crawl",
            "functions_",
            "hierarchy",
            "annotated",
            "classes.html",
            "files.html",
            "namespacemembers",
            "globals",
        ),
    ),
    Generator(
        name="Texinfo",
        package="octave-doc",
        folder="usr/share/doc/octave/octave.html",
        main=("body",),
        drop=("div.header", "a.copiable-anchor", "a.copiable-link"),
        nav=("div.header", "div.nav-panel"),
        optional=(".contents", ".shortcontents", "[class=SECTION_TOC]", "a.summary-letter"),
    ),
    Generator(
        name="GTK-Doc",
        package="libglib2.0-doc",
        folder="usr/share/gtk-doc/html/glib",
        main=("body",),
        drop=("table.navigation", "div.footer", ".listing_lines", "td.gallery_image"),
        nav=("table.navigation", "div.footer"),
        skip=("annotation-glossary",),
        optional=("div.toc",),
    ),
    Generator(
        name="gi-docgen",
        package="libgtk-4-doc",
        folder="usr/share/doc/libgtk-4-doc/gtk4",
        main=("#main",),
        drop=("a.srclink", "a.anchor"),
        nav=("nav.sidebar", "footer", "#toc"),
        optional=("#toc",),
        skip=("index.html",),
    ),
    Generator(
        name="Haddock",
        package="libghc-aeson-doc",
        folder="usr/share/doc/libghc-aeson-doc/html",
        main=("#content",),
        drop=("#table-of-contents",),
        optional=("#synopsis", "#module-header", "a.link", "a.selflink"),
        nav=("#package-header", "#table-of-contents", "#footer"),
        skip=("src/", "doc-index", "index.html"),
    ),
    Generator(
        name="QDoc",
        package="qtbase5-doc-html",
        folder="usr/share/qt5/doc/qtcore",
        main=(".mainContent",),
        drop=(".sidebar",),
        nav=(".navigationbar", ".footer", ".sidebar", ".copyright"),
        optional=(".naviNextPrevious",),
        skip=("-members.html", "-obsolete.html"),
    ),
    Generator(
        name="Apache's",
        package="apache2-doc",
        folder="usr/share/doc/apache2-doc/manual/en",
        main=("#page-content",),
        drop=("a.permalink", ".toplang", ".bottomlang", ".top", "#comments_section"),
        optional=("#quickview",),
        nav=("#page-header", "#path", ".up", ".top", "#footer", ".toplang", ".bottomlang"),
        skip=("sitemap",),
    ),
    Generator(
        name="pydoctor",
        package="twisted-doc",
        folder="usr/share/doc/twisted-doc/html/api",
        main=("#main",),
        drop=("#search-results-container", "#current-docs-container", "#showPrivate", "a.functionSourceLink"),
        optional=("a.sourceLink", ".sourceLink", "footer", "address"),
        nav=("nav", ".sidebarcontainer"),
        skip=("index.html", "Index.html", "Order.html", "undoccedSummary", "all-documents"),
    ),
    Generator(
        name="Scribble",
        package="racket-doc",
        folder="usr/share/doc/racket/reference",
        main=(".main",),
        drop=(".navsettop", ".navsetbottom", ".button-group"),
        nav=(".tocset", ".navsettop", ".navsetbottom"),
        optional=(".RBackgroundLabel", ".margin-note"),
        lines=("table.RktBlk", "tr"),  # contracts of several lines are laid out as code, too
        skip=("doc-index",),
    ),
    Generator(
        name="Erlang's",
        package="erlang-doc",
        folder="usr/share/doc/erlang-doc/lib",
        main=("#content",),
        drop=("div.footer",),
        nav=("#leftnav", "div.footer", ".topbar"),
        optional=(".exports-tube > .data-type-name",),
        skip=("/java/", "users_guide.html", "index.html", "wx-2"),
        pages="*/doc/html/*.html",
    ),
    Generator(
        name="Crystal's",
        package="crystal-doc",
        folder="usr/share/doc/crystal/api-docs",
        main=(".main-content",),
        drop=("a.method-permalink",),
        nav=(".sidebar",),
        skip=("404.html",),
    ),
)

HELD_OUT = (
    Generator(
        name="YARD",
        package="yard-doc",
        folder="usr/share/doc/yard/doc",
        main=("#content",),
        drop=(".showSource", ".summary_toggle", ".showAll", ".inheritanceTree", ".lines", ".defines"),
        optional=(".toggle", "a.toggleSource"),
        nav=("#header", "#footer", ".nav_wrap", "#toc"),
        skip=("_index.html", "frames.html", "class_list", "file_list", "method_list", "top-level"),
    ),
    Generator(
        name="Nim's",
        package="nim-doc",
        folder="usr/share/doc/nim/html",
        main=("#content",),
        also=("h1.title",),
        drop=("a.link-seesrc",),
        nav=("#global-links", "#toc-list", "#searchInputDiv", ".theme-switch-wrapper"),
        optional=("#tocRoot",),
        skip=("theindex", "dochack", "idx"),
    ),
    Generator(
        name="fpdoc",
        package="lazarus-doc-2.2",
        folder="usr/share/doc/lazarus/2.2.6/lcl/comctrls",
        main=("body",),
        drop=("table.bar",),
        nav=("table.bar",),
        skip=("index",),
    ),
)
