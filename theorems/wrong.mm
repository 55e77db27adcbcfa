$(
  A wrong proof, claimed over base.mm: that an implication may be turned round. Its last step proves something else, so
  every kernel refuses it.
$)

converse $p |- ( ( p -> q ) -> ( q -> p ) ) $= wff-p wff-q wff-if wff-q ax-keep $.
