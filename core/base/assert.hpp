// Assertions that stay on in every build.
//
// Rule 1: assert what we promise; handle what the world does. No event from outside may trip one.
// Rule 2: one condition each, no side effects.
// HF_ASSERT is for O(1) conditions, in release too. HF_AUDIT is for O(n) checks and is compiled in
// when HF_AUDIT_ON is 1 (dev, sanitizer and fuzz builds).
// The broken builds (mutants) compile HF_ASSERT to a no-op, so that oracles alone must catch them.
#pragma once

/// Called when an assertion fails. Defined outside core/ (io/base/assert.cpp): prints and traps.
extern "C" [[noreturn]] void hf_assert_failed(const char* condition, const char* file, int line);

#if defined(HF_MUTANTS)
#define HF_ASSERT(cond) ((void)sizeof(!(cond)))
#else
#define HF_ASSERT(cond) \
    (__builtin_expect(!!(cond), 1) ? (void)0 : hf_assert_failed(#cond, __FILE__, __LINE__))
#endif

#if defined(HF_AUDIT_ON) && HF_AUDIT_ON
#define HF_AUDIT(cond) HF_ASSERT(cond)
#else
#define HF_AUDIT(cond) ((void)sizeof(!(cond)))
#endif
