// Deliberately broken engines: `if (mutant(2)) ...` is dead code in every build but the flavour
// that defines HF_MUTANTS, in which one number is chosen at run time. Mutant 0 is no mutant: that
// flavour with 0 must behave exactly as production (checked by comparing trace hashes). The list of
// numbers, with the real bug that each one repeats, is in docs/mutants.md.
#pragma once

namespace holdfast {

#if defined(HF_MUTANTS)
extern int mutant_chosen;
inline bool mutant(int number) { return mutant_chosen == number; }
#else
constexpr bool mutant(int) { return false; }
#endif

}  // namespace holdfast
