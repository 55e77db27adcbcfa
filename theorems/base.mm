$(
  Propositional logic for HMS: the axioms, and the lemmas that make short proofs short.

  Lukasiewicz's axioms for implication and negation, Kleene's for the other connectives, and one rule of inference.
  Every theorem here is proved; the goals of goals.mm are claimed over this file.
$)

$c ( ) -> ~ /\ \/ <-> wff |- $.
$v p q r s t $.

wff-p $f wff p $.
wff-q $f wff q $.
wff-r $f wff r $.
wff-s $f wff s $.
wff-t $f wff t $.

$( Formulas. $)
wff-not $a wff ~ p $.
wff-if $a wff ( p -> q ) $.
wff-and $a wff ( p /\ q ) $.
wff-or $a wff ( p \/ q ) $.
wff-iff $a wff ( p <-> q ) $.

$( What holds, holds whatever else is assumed. $)
ax-keep $a |- ( p -> ( q -> p ) ) $.

$( An assumption is shared among the premisses of an implication. $)
ax-share $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.

$( An implication between negations turns round. $)
ax-flip $a |- ( ( ~ p -> ~ q ) -> ( q -> p ) ) $.

${
  detach.1 $e |- p $.
  detach.2 $e |- ( p -> q ) $.
  $( The rule of detachment. $)
  detach $a |- q $.
$}

$( Conjunction. $)
ax-left $a |- ( ( p /\ q ) -> p ) $.
ax-right $a |- ( ( p /\ q ) -> q ) $.
ax-both $a |- ( p -> ( q -> ( p /\ q ) ) ) $.

$( Disjunction. $)
ax-first $a |- ( p -> ( p \/ q ) ) $.
ax-second $a |- ( q -> ( p \/ q ) ) $.
ax-cases $a |- ( ( p -> r ) -> ( ( q -> r ) -> ( ( p \/ q ) -> r ) ) ) $.

$( Equivalence. $)
ax-forth $a |- ( ( p <-> q ) -> ( p -> q ) ) $.
ax-back $a |- ( ( p <-> q ) -> ( q -> p ) ) $.
ax-equate $a |- ( ( p -> q ) -> ( ( q -> p ) -> ( p <-> q ) ) ) $.

${
  keep.1 $e |- p $.
  $( A theorem follows from anything. $)
  keep $p |- ( q -> p ) $= wff-p wff-q wff-p wff-if keep.1 wff-p wff-q ax-keep detach $.
$}

${
  share.1 $e |- ( p -> ( q -> r ) ) $.
  $( The second axiom as a rule. $)
  share $p |- ( ( p -> q ) -> ( p -> r ) ) $=
    wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-if wff-p wff-r wff-if wff-if share.1 wff-p
    wff-q wff-r ax-share detach $.
$}

${
  under.1 $e |- ( p -> q ) $.
  under.2 $e |- ( p -> ( q -> r ) ) $.
  $( Detachment under an assumption. $)
  under $p |- ( p -> r ) $=
    wff-p wff-q wff-if wff-p wff-r wff-if under.1 wff-p wff-q wff-r under.2 share detach $.
$}

${
  chain.1 $e |- ( p -> q ) $.
  chain.2 $e |- ( q -> r ) $.
  $( Implications chain. $)
  chain $p |- ( p -> r ) $= wff-p wff-q wff-r chain.1 wff-q wff-r wff-if wff-p chain.2 keep under $.
$}

$( Everything implies itself. $)
self $p |- ( p -> p ) $=
  wff-p wff-p wff-p wff-if wff-p wff-p wff-p ax-keep wff-p wff-p wff-p wff-if ax-keep under $.

${
  swap.1 $e |- ( p -> ( q -> r ) ) $.
  $( Two assumptions change places. $)
  swap $p |- ( q -> ( p -> r ) ) $=
    wff-q wff-p wff-q wff-if wff-p wff-r wff-if wff-q wff-p ax-keep wff-p wff-q wff-r swap.1
    share chain $.
$}

$( An implication may be prefixed on both sides. $)
prefix $p |- ( ( q -> r ) -> ( ( p -> q ) -> ( p -> r ) ) ) $=
  wff-q wff-r wff-if wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-if wff-p wff-r wff-if
  wff-if wff-q wff-r wff-if wff-p ax-keep wff-p wff-q wff-r ax-share chain $.

$( An implication may be suffixed on both sides. $)
suffix $p |- ( ( p -> q ) -> ( ( q -> r ) -> ( p -> r ) ) ) $=
  wff-q wff-r wff-if wff-p wff-q wff-if wff-p wff-r wff-if wff-p wff-q wff-r prefix swap $.

${
  late.1 $e |- ( p -> ( q -> r ) ) $.
  late.2 $e |- ( r -> s ) $.
  $( A chain that goes on under two assumptions. $)
  late $p |- ( p -> ( q -> s ) ) $=
    wff-p wff-q wff-r wff-if wff-q wff-s wff-if late.1 wff-q wff-r wff-s wff-r wff-s wff-if
    wff-q late.2 keep share chain $.
$}

${
  early.1 $e |- ( p -> q ) $.
  early.2 $e |- ( r -> ( q -> s ) ) $.
  $( A chain that begins under two assumptions. $)
  early $p |- ( r -> ( p -> s ) ) $=
    wff-p wff-r wff-s wff-p wff-q wff-r wff-s wff-if early.1 wff-r wff-q wff-s early.2 swap
    chain swap $.
$}

$( From a negation, what is negated implies anything. $)
absurd $p |- ( ~ p -> ( p -> q ) ) $=
  wff-p wff-not wff-q wff-not wff-p wff-not wff-if wff-p wff-q wff-if wff-p wff-not wff-q
  wff-not ax-keep wff-q wff-p ax-flip chain $.

$( A statement and its negation imply anything. $)
explode $p |- ( p -> ( ~ p -> q ) ) $= wff-p wff-not wff-p wff-q wff-p wff-q absurd swap $.

$( What follows from its own negation holds (Clavius). $)
clavius $p |- ( ( ~ p -> p ) -> p ) $=
  wff-p wff-not wff-p wff-if wff-p wff-not wff-p wff-not wff-p wff-if wff-not wff-if wff-p wff-p
  wff-not wff-p wff-p wff-not wff-p wff-if wff-not wff-p wff-p wff-not wff-p wff-if wff-not
  absurd share wff-p wff-not wff-p wff-not wff-p wff-if wff-not wff-if wff-p wff-not wff-p
  wff-if wff-p wff-p wff-p wff-not wff-p wff-if ax-flip swap under $.

$( Two negations fall away. $)
drop $p |- ( ~ ~ p -> p ) $=
  wff-p wff-not wff-not wff-p wff-not wff-p wff-if wff-p wff-p wff-not wff-p absurd wff-p
  clavius chain $.

$( Two negations may be added. $)
add $p |- ( p -> ~ ~ p ) $=
  wff-p wff-not wff-not wff-not wff-p wff-not wff-if wff-p wff-p wff-not wff-not wff-if wff-p
  wff-not drop wff-p wff-not wff-not wff-p ax-flip detach $.

$( Contraposition. $)
turn $p |- ( ( p -> q ) -> ( ~ q -> ~ p ) ) $=
  wff-p wff-q wff-if wff-p wff-not wff-not wff-q wff-not wff-not wff-if wff-q wff-not wff-p
  wff-not wff-if wff-p wff-not wff-not wff-p wff-p wff-q wff-if wff-q wff-not wff-not wff-p drop
  wff-p wff-q wff-q wff-not wff-not wff-q wff-q wff-not wff-not wff-if wff-p wff-q add keep
  share early wff-p wff-not wff-q wff-not ax-flip chain $.

${
  turned.1 $e |- ( p -> q ) $.
  $( Contraposition as a rule. $)
  turned $p |- ( ~ q -> ~ p ) $=
    wff-p wff-q wff-if wff-q wff-not wff-p wff-not wff-if turned.1 wff-p wff-q turn detach $.
$}

$( What refutes itself does not hold. $)
refute $p |- ( ( p -> ~ p ) -> ~ p ) $=
  wff-p wff-p wff-not wff-if wff-p wff-not wff-not wff-p wff-not wff-if wff-p wff-not wff-p
  wff-p wff-not turn wff-p wff-not clavius chain $.

${
  either.1 $e |- ( p -> q ) $.
  either.2 $e |- ( ~ p -> q ) $.
  $( What follows both from a statement and from its negation holds. $)
  either $p |- q $=
    wff-q wff-not wff-q wff-if wff-q wff-q wff-not wff-p wff-not wff-q wff-p wff-q either.1
    turned either.2 chain wff-q clavius detach $.
$}

${
  pair.1 $e |- p $.
  pair.2 $e |- q $.
  $( Two theorems are one. $)
  pair $p |- ( p /\ q ) $=
    wff-p wff-p wff-q wff-and pair.1 wff-p wff-q wff-p wff-q wff-and wff-q wff-p pair.2 keep
    wff-p wff-q ax-both under detach $.
$}

${
  join.1 $e |- ( p -> q ) $.
  join.2 $e |- ( p -> r ) $.
  $( Two consequences of one assumption are one. $)
  join $p |- ( p -> ( q /\ r ) ) $=
    wff-p wff-r wff-q wff-r wff-and join.2 wff-p wff-q wff-r wff-q wff-r wff-and wff-if join.1
    wff-q wff-r ax-both chain under $.
$}

${
  merge.1 $e |- ( p -> ( q -> r ) ) $.
  $( Two assumptions are one. $)
  merge $p |- ( ( p /\ q ) -> r ) $=
    wff-p wff-q wff-and wff-q wff-r wff-p wff-q ax-right wff-p wff-q wff-and wff-p wff-q wff-r
    wff-if wff-p wff-q ax-left merge.1 chain under $.
$}

${
  part.1 $e |- ( ( p /\ q ) -> r ) $.
  $( One assumption is two. $)
  part $p |- ( p -> ( q -> r ) ) $=
    wff-p wff-q wff-p wff-q wff-and wff-r wff-p wff-q ax-both part.1 late $.
$}

${
  fork.1 $e |- ( p -> r ) $.
  fork.2 $e |- ( q -> r ) $.
  $( What follows from each of two follows from either. $)
  fork $p |- ( ( p \/ q ) -> r ) $=
    wff-p wff-r wff-if wff-q wff-r wff-if wff-and wff-p wff-q wff-or wff-r wff-if wff-p wff-r
    wff-if wff-q wff-r wff-if fork.1 fork.2 pair wff-p wff-r wff-if wff-q wff-r wff-if wff-p
    wff-q wff-or wff-r wff-if wff-p wff-q wff-r ax-cases merge detach $.
$}

${
  first.1 $e |- ( p -> q ) $.
  $( A consequence, or something else. $)
  first $p |- ( p -> ( q \/ r ) ) $=
    wff-p wff-q wff-q wff-r wff-or first.1 wff-q wff-r ax-first chain $.
$}

${
  second.1 $e |- ( p -> r ) $.
  $( Something else, or a consequence. $)
  second $p |- ( p -> ( q \/ r ) ) $=
    wff-p wff-r wff-q wff-r wff-or second.1 wff-q wff-r ax-second chain $.
$}

${
  left.1 $e |- ( p -> r ) $.
  $( What the first of two assumptions gives, both give. $)
  left $p |- ( ( p /\ q ) -> r ) $=
    wff-p wff-q wff-r wff-q wff-p wff-r wff-p wff-r wff-if wff-q left.1 keep swap merge $.
$}

${
  right.1 $e |- ( q -> r ) $.
  $( What the second of two assumptions gives, both give. $)
  right $p |- ( ( p /\ q ) -> r ) $=
    wff-p wff-q wff-r wff-q wff-r wff-if wff-p right.1 keep merge $.
$}

${
  match.1 $e |- ( p -> q ) $.
  match.2 $e |- ( q -> p ) $.
  $( Implications both ways are an equivalence. $)
  match $p |- ( p <-> q ) $=
    wff-p wff-q wff-if wff-q wff-p wff-if wff-and wff-p wff-q wff-iff wff-p wff-q wff-if wff-q
    wff-p wff-if match.1 match.2 pair wff-p wff-q wff-if wff-q wff-p wff-if wff-p wff-q
    wff-iff wff-p wff-q ax-equate merge detach $.
$}

${
  forth.1 $e |- ( p <-> q ) $.
  $( An equivalence read forwards. $)
  forth $p |- ( p -> q ) $=
    wff-p wff-q wff-iff wff-p wff-q wff-if forth.1 wff-p wff-q ax-forth detach $.
$}

${
  back.1 $e |- ( p <-> q ) $.
  $( An equivalence read backwards. $)
  back $p |- ( q -> p ) $=
    wff-p wff-q wff-iff wff-q wff-p wff-if back.1 wff-p wff-q ax-back detach $.
$}
