"""Words of technical English that say the same, the opposite, or nothing of their own.

General knowledge, written down once: a passage says "spawns", the answer "starts". Words are
looked up by their index terms, so that one form stands for all of a word.
"""

from functools import cache
from typing import Final

from docbot.retrieval.lexical import terms

# Each line is one meaning; a word may stand in several.
_SAME: Final = """
    start begin launch spawn boot begun startup initiate initialize
    stop halt quit exit terminate shutdown abort
    end finish complete done conclude over
    run execute invoke perform launch
    call invoke trigger
    remove delete erase drop clear purge discard eliminate strip
    add append insert include register attach
    create make build generate produce construct define write
    change modify alter adjust edit update override customize configure
    set configure specify define assign declare pass provide give state
    choose select pick specify
    use employ utilize apply take usage rely
    get fetch retrieve obtain read receive access load
    store save keep persist hold retain restore write cache
    lose lost discard drop
    show display print view list see visible appear output render present
    hide conceal mask redact invisible
    find discover detect locate search look recognise notice
    check verify test validate examine inspect poll look
    wait pause block sleep delay hold
    retry rerun repeat again restart reattempt
    fail failure error crash break die fault problem issue
    succeed success successful pass
    raise throw surface emit
    allow permit let enable accept able possible
    deny forbid disallow block reject refuse restrict prohibit prevent
    prevent avoid stop
    enable activate switch turn
    disable deactivate off switch turn
    need require necessary must demand mandatory
    optional necessary
    ignore skip omit exclude disregard bypass leave
    exceed beyond above over more greater larger surpass pass
    under below less smaller fewer lower within
    maximum most cap limit upper ceiling max bound up
    minimum least lower floor min bound
    limit restrict constrain bound cap control
    number count amount quantity many how
    size length large big amount
    default unless standard otherwise initial normally predefined
    automatic automatically itself implicitly auto
    manual manually hand explicitly yourself
    explicit explicitly specifically
    immediately instantly directly once soon
    same identical equal equivalent alike
    different other another distinct separate differ
    separate own individual apart isolated single alone
    several multiple many various more number plural two
    all every each any entire whole full complete
    only just solely exclusively alone merely
    first initial initially earliest earlier
    last final latest newest recent previous
    previous earlier prior last preceding before
    next following subsequent after later
    fast faster quick speed speeding quickly rapid accelerate performance efficient
    slow slowly delay latency
    improve better optimize enhance boost help
    recommend advise suggest prefer should better favour best
    useful helpful handy suited benefit worth good serve
    work function operate behave
    handle process manage deal treat
    send pass transmit deliver submit post forward hand
    return give yield respond back
    respond answer reply response
    ask request query
    connect attach join link
    share common together
    split divide separate partition
    join merge combine unite together
    copy duplicate replicate clone copies
    replace substitute swap instead
    convert transform translate parse turn cast
    move transfer shift migrate
    place put position location locate lie reside sit stand live
    folder directory path
    subfolder subdirectory folder directory below
    file document
    setting option configuration parameter config property preference field
    argument parameter option kwarg
    flag option switch argument
    variable value
    value content
    name identifier key call label title
    method function procedure routine
    type kind sort class
    machine host computer node server
    process worker program
    task job work
    run execution
    app application program
    user person people member
    developer you
    docs documentation manual guide page
    error exception
    message text
    log logging output
    console terminal shell cli
    command cli instruction
    interface ui web page
    browser client frontend
    database db backend
    memory ram heap
    disk storage drive filesystem
    network connection
    version release
    upgrade update
    old older previous legacy former outdated deprecated
    new newer latest fresh
    deprecated obsolete removed old legacy
    experimental unstable beta alpha preview
    stable mature
    safe secure trusted
    dangerous risky unsafe harmful danger
    secret sensitive password credential private confidential token
    public open accessible exposed
    expose leak reveal available visible reach
    available exist present there offer provide
    missing absent lack without undefined
    contain hold include have comprise consist store carry
    belong part own
    depend rely require dependent dependency
    affect influence impact concern apply
    cause lead result make trigger
    result outcome output consequence
    reason cause why because
    free release available empty unused
    full exhausted fill capacity reach
    busy occupy take used use taken
    occupy take hold use consume
    reserve allocate set assign
    increase raise grow bump enlarge scale extend up
    decrease reduce lower shrink fewer cut down
    upscale scale add
    downscale scale remove reduce
    infinite endless unlimited forever always indefinitely limit
    temporary temp transient short
    permanent persistent lasting
    constant always fixed
    during while
    until till
    always ever
    often frequent frequently regularly
    rare seldom rarely unlikely
    simultaneously concurrently parallel same once together
    concurrent parallel parallelism simultaneous
    sequential serial order turn
    order sequence priority
    priority precedence win override higher important takes
    weight priority
    group set collection
    list array sequence set
    element item entry
    copy unchanged
    original initial source
    target destination
    source origin
    local locally
    remote external
    external outside
    internal inside underlying inner
    inside within in
    outside beyond external
    above before
    behind proxy
    near close
    point reference refer
    reference refer mention cite link
    describe explain document cover
    mean signify denote indicate imply
    example instance
    instance object
    pattern regex expression
    match fit correspond
    wildcard pattern
    character letter symbol
    string text
    number integer float digit
    boolean bool
    true yes
    false no off
    null none undefined
    json object
    encode encoding charset
    compress shrink minify
    bundle package pack
    build bundle compile
    compile transpile build transform
    develop development dev
    production prod deploy live
    deploy deployment ship
    install setup
    import load require include
    export expose
    dependency package library module
    package library module
    library framework tool
    plugin extension addon
    hook callback
    callback function
    event signal
    schedule plan timetable
    trigger fire start
    queue wait line
    pod container
    container image
    image picture
    cluster nodes
    replica copy instance
    pool set
    slot place
    thread threadpool
    async asynchronous asynchronously await
    sync synchronous synchronously
    blocking block
    shutdown stop
    graceful gracefully clean properly
    proper correct right properly
    wrong incorrect invalid
    valid correct
    need want
    try attempt
    test experiment try
    simple easy basic
    hard difficult complex
    complex complicated complexity
    important crucial essential
    main primary chief head
    head leader main
    secondary additional
    extra additional further more another
    extend subclass inherit
    inherit derive subclass extend
    wrap enclose surround
    header heading
    body payload content
    form field
    upload send
    download fetch
    origin domain
    domain host hostname site
    hostname host name
    address url uri
    url link address
    route path endpoint
    middleware layer
    cookie session
    authenticate auth login
    authorize permission grant
    permission right access
    certificate tls ssl
    encrypt encryption
    hash digest fingerprint
    seconds second
    interval period time frequency
    periodically regularly interval every
    duration time long period
    timeout limit expire
    expire outdated old
    threshold limit
    percent percentage share fraction
    fraction fractional part
    precise precision accurate exact digit decimal
    exact exactly precisely
    dashboard ui
    metric figure measure statistics stats
    statistics stats metric
    monitor watch observe
    track follow record
    record write log
    history past previous
    prune filter select
    filter select
    sort order
    column field
    row record
    table grid
    schema structure
    graph tree
    parent upstream
    child downstream
    ancestor upstream
    descendant downstream
    root top base
    top level
    nested inner within
    prefix begin start
    suffix end
    subset part
    part piece portion section
    block lock
    lock
    unlock release
    open
    close
    equal same
    warn warning caution
    note remark
    decide determine
    determine decide
    control manage
    resume continue
    continue go proceed
    back return
    newly new
    reappear back return again
    kill terminate
    pick choose
    cost price
    happen occur
    try test
    hidden invisible
    cleared erased emptied
    global everywhere
    serialize pickle serializable
    large big huge
    small little tiny
    high
    low
    crash fail
    worth benefit
    expensive costly
    cheap inexpensive
    bring come
    come bring
    ship come include
"""
# What stands on either side of a bar denies the other side.
_OPPOSITE: Final = """
    enable activate | disable deactivate off
    support supported allow permit possible able can | unsupported forbid disallow deny reject refuse impossible prohibit unable
    first earliest | last latest finally
    start begin | stop end finish
    always | never seldom
    include | exclude ignore omit skip
    upstream | downstream
    client frontend browser | server backend
    sync synchronous synchronously | async asynchronous asynchronously
    local | remote
    internal | external
    public | private
    required mandatory necessary must | optional unnecessary
    explicit explicitly manual manually | implicit implicitly automatic automatically auto
    more higher larger greater above increase raise longer | less lower smaller fewer below decrease reduce shorter
    maximum most max | minimum least min
    fast faster quick | slow slower
    success succeed successful | fail failure failed
    visible show display appear | hide hidden invisible mask
    development dev | production prod
    stable | experimental unstable deprecated
    safe secure | unsafe dangerous insecure
    encrypt encrypted | plain unencrypted plaintext
    add insert append | remove delete
    keep retain preserve persist restore kept | delete lose lost drop clear discard remove cleared
    pause | unpause resume
    push | pull
    upload | download
    import | export
    encode | decode
    compress | decompress
    temporary | permanent
    mutable | immutable
    same | different
    single one | multiple several many
    single | double
    separate | shared
    parallel concurrently | sequential sequentially serial
    head | worker
    all | none
    true | false
    parent | child
    recommended recommend should | discouraged deprecated
    free release | occupy hold
    absolute | relative
    inline inlined | separate
"""
_GENERIC: Final = """
    use set run make give take put add want need get let work way thing case example value option
    setting come go see also one two like look keep become begin end try call find first next new
    number mean allow able possible possibly provide support help change please simply
    easy specify define pass just instead still yet already even whether either default time
    do does done happen contain hold have own different same certain given several many much
    something anything nothing everything feature behaviour behavior available particular
    directly usually normally typically generally currently actually basically
    note important remember sure ensure recommend yes no however therefore thus otherwise then
    well etc good fine better best following follow used using usage step once
    turn goes went gone became since whereas while until unless although though because rather quite fairly
    very only again another other others second more most all every each both any on off up down
    before after above below under over within during left right written wrote meant enough
    themselves itself yourself themself without regardless matter depend kind sort lot bit
    say tell know think show name type mode act thereby itself whole entire really simple
    behind among across along toward towards besides upon around about ones latter former
    later soon too back away together apart
"""

# Forms that no stemmer brings together.
_IRREGULAR: Final = """
    thrown throw threw throw written write wrote write taken take took take sent send built build
    kept keep lost lose chosen choose chose choose given give gave give shown show ran run found find
    made make left leave held hold begun begin began begin broken break broke break hidden hide
    known know knew know seen see saw see bound bind went go gone go came come became become
    done do did do got get gotten get put put meant mean bought buy brought bring caught catch
    drawn draw driven drive fallen fall fell fall grown grow grew grow led lead lain lie lay lie
    met meet overridden override overrode override overwritten overwrite rebuilt rebuild
    risen rise rose rise said say shut shut spent spend stood stand stuck stick swept sweep
    told tell thought think understood understand woken wake frozen freeze forgotten forget
    bigger big biggest big larger large largest large smaller small smallest small faster fast
    fastest fast slower slow slowest slow higher high highest high lower low lowest low
    longer long longest long shorter short newer new newest new older old oldest old
    earlier early earliest early later late safer safe easier easy simpler simple
    tries try retried retry children child indices index matrices matrix analyses analysis
    shutdown shut setup set login log startup start
"""


def base(term: str) -> str:
    """Give the term under which an irregular form is known."""
    return _irregular().get(term, term)


@cache
def _irregular() -> dict[str, str]:
    words = iter(_IRREGULAR.split())
    known = {}
    for form, word in zip(words, words, strict=True):
        for term in terms(form) or [form]:
            known[term] = (terms(word) or [word])[0]
    return known


def _stems(words: str) -> frozenset[str]:
    found = (term for word in words.split() for term in terms(word) or [word])
    return frozenset(_irregular().get(term, term) for term in found)


@cache
def same() -> dict[str, frozenset[int]]:
    """Give, by term, the numbers of the meanings that it has."""
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_SAME.strip().splitlines()):
        for term in _stems(line):
            found.setdefault(term, set()).add(number)
    return {term: frozenset(numbers) for term, numbers in found.items()}


@cache
def opposite() -> dict[str, tuple[tuple[int, int], ...]]:
    """Give, by term, the axes that it stands on, each with its side: 1 or -1."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(_OPPOSITE.strip().splitlines()):
        for side, words in zip((1, -1), line.split("|"), strict=True):
            for term in _stems(words):
                found.setdefault(term, []).append((number, side))
    return {term: tuple(axes) for term, axes in found.items()}


@cache
def generic() -> frozenset[str]:
    return _stems(_GENERIC)
