$(
  Theorems of propositional logic, claimed over base.mm. Where the proof is ? the prover searches.
$)

$( A repeated assumption counts once. $)
contract $p |- ( ( p -> ( p -> q ) ) -> ( p -> q ) ) $= ? $.

$( Two assumptions change places. $)
exchange $p |- ( ( p -> ( q -> r ) ) -> ( q -> ( p -> r ) ) ) $= ? $.

$( Peirce's law: classical logic without a word of negation. $)
peirce $p |- ( ( ( p -> q ) -> p ) -> p ) $= ? $.

$( Detachment as a theorem. $)
assert $p |- ( p -> ( ( p -> q ) -> q ) ) $= ? $.

$( A refuted consequence refutes its premiss. $)
${
  tollens.1 $e |- ( p -> q ) $.
  tollens.2 $e |- ~ q $.
  tollens $p |- ~ p $= ? $.
$}

$( Excluded middle. $)
middle $p |- ( p \/ ~ p ) $= ? $.

$( Nothing holds together with its negation. $)
consistent $p |- ~ ( p /\ ~ p ) $= ? $.

$( Two negations are none. $)
double $p |- ( p <-> ~ ~ p ) $= ? $.

$( Equivalence is reflexive. $)
same $p |- ( p <-> p ) $= wff-p wff-p wff-p self wff-p self match $.

$( Equivalence is symmetric. $)
same-turn $p |- ( ( p <-> q ) -> ( q <-> p ) ) $= ? $.

$( Equivalence is transitive, as a rule. $)
${
  same-chain.1 $e |- ( p <-> q ) $.
  same-chain.2 $e |- ( q <-> r ) $.
  same-chain $p |- ( p <-> r ) $=
    wff-p wff-r wff-p wff-q wff-r wff-p wff-q same-chain.1 forth wff-q wff-r same-chain.2
    forth chain wff-r wff-q wff-p wff-q wff-r same-chain.2 back wff-p wff-q same-chain.1 back
    chain match $.
$}

$( Conjunction is idempotent. $)
and-same $p |- ( ( p /\ p ) <-> p ) $= ? $.

$( Conjunction commutes. $)
and-turn $p |- ( ( p /\ q ) <-> ( q /\ p ) ) $= ? $.

$( Conjunction associates. $)
and-shift $p |- ( ( ( p /\ q ) /\ r ) -> ( p /\ ( q /\ r ) ) ) $= ? $.

$( Disjunction is idempotent. $)
or-same $p |- ( ( p \/ p ) <-> p ) $= ? $.

$( Disjunction commutes. $)
or-turn $p |- ( ( p \/ q ) <-> ( q \/ p ) ) $= ? $.

$( Disjunction associates. $)
or-shift $p |- ( ( ( p \/ q ) \/ r ) -> ( p \/ ( q \/ r ) ) ) $= ? $.

$( Absorption of a disjunction. $)
absorb-or $p |- ( ( p /\ ( p \/ q ) ) <-> p ) $= ? $.

$( Absorption of a conjunction. $)
absorb-and $p |- ( ( p \/ ( p /\ q ) ) <-> p ) $= ? $.

$( Neither of two: De Morgan. $)
neither $p |- ( ~ ( p \/ q ) -> ( ~ p /\ ~ q ) ) $= ? $.

$( Not both of two, from the first. $)
not-both $p |- ( ( ~ p \/ ~ q ) -> ~ ( p /\ q ) ) $= ? $.

$( A disjunction whose first part is refuted. $)
remaining $p |- ( ( p \/ q ) -> ( ~ p -> q ) ) $= ? $.

$( An implication is a disjunction. $)
material $p |- ( ( ~ p \/ q ) -> ( p -> q ) ) $= ? $.

$( Import of an assumption. $)
import $p |- ( ( p -> ( q -> r ) ) -> ( ( p /\ q ) -> r ) ) $=
  wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-and wff-p wff-q wff-r wff-if wff-if wff-p
  wff-q wff-and wff-and wff-if wff-p wff-q wff-and wff-r wff-if wff-p wff-q wff-r wff-if wff-if
  wff-p wff-q wff-and ax-both wff-p wff-q wff-and wff-p wff-q wff-r wff-if wff-if wff-p wff-q
  wff-and wff-and wff-r wff-p wff-q wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-and wff-and
  wff-r wff-if wff-q wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-and wff-and wff-r wff-if
  wff-if wff-p wff-p wff-q wff-r wff-if wff-if wff-p wff-q wff-and wff-and wff-q wff-r wff-p
  wff-q wff-r wff-if wff-if wff-p wff-q wff-and wff-q wff-r wff-if wff-p wff-q wff-and wff-p
  wff-p wff-q wff-r wff-if wff-if wff-q wff-r wff-if wff-p wff-q ax-left wff-p wff-q wff-r
  wff-if wff-if self early merge swap keep merge share chain $.

$( Export of an assumption. $)
export $p |- ( ( ( p /\ q ) -> r ) -> ( p -> ( q -> r ) ) ) $= ? $.

$( Implications compose. $)
compose $p |- ( ( ( p -> q ) /\ ( q -> r ) ) -> ( p -> r ) ) $=
  wff-p wff-q wff-if wff-q wff-r wff-if wff-p wff-r wff-if wff-p wff-q wff-r suffix merge $.

$( Of any two statements, one implies the other. $)
linear $p |- ( ( p -> q ) \/ ( q -> p ) ) $= ? $.

$( One half of distribution. $)
distribute $p |- ( ( ( p /\ q ) \/ ( p /\ r ) ) -> ( p /\ ( q \/ r ) ) ) $= ? $.

$( Conjunction is monotone. $)
${
  and-grow.1 $e |- ( p -> q ) $.
  and-grow.2 $e |- ( r -> s ) $.
  and-grow $p |- ( ( p /\ r ) -> ( q /\ s ) ) $= ? $.
$}

$( Disjunction is monotone. $)
${
  or-grow.1 $e |- ( p -> q ) $.
  or-grow.2 $e |- ( r -> s ) $.
  or-grow $p |- ( ( p \/ r ) -> ( q \/ s ) ) $= ? $.
$}

$( A false premiss, or a true conclusion. $)
vacuous $p |- ( ~ ( p -> q ) -> ( p /\ ~ q ) ) $= ? $.

$( Detachment in one formula. $)
ponens $p |- ( ( p /\ ( p -> q ) ) -> q ) $= ? $.
