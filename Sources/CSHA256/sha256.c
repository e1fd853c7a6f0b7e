// SHA-256 (FIPS 180-4) with the x86 SHA extensions.
//
// Auditing hashes every event three times, in messages of one to six blocks: its line, its leaf, the nodes above it. For
// those a library's context, made and torn down for each message, costs as much as the hashing itself.

#include "sha256.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

enum { block_bytes = 64, digest_bytes = 32 };

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

bool nrx_sha256_is_available(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
    const bool has_ssse3 = ecx & (1u << 9), has_sse41 = ecx & (1u << 19);
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    return has_ssse3 && has_sse41 && (ebx & (1u << 29));
}

/// The eight working words in the order in which the instructions want them: A B E F and C D G H, highest first.
typedef struct {
    __m128i abef, cdgh;
} sha_state;

SHA_TARGET static inline sha_state first_state(void) {
    return (sha_state){
        _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
}

/// Reverses the bytes of each word: the standard's words are big-endian.
SHA_TARGET static inline __m128i swapped(__m128i words) {
    return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

SHA_TARGET static inline void store_digest(sha_state state, uint8_t *digest) {
    const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)digest, swapped(_mm_blend_epi16(feba, dchg, 0xf0)));
    _mm_storeu_si128((__m128i *)(digest + 16), swapped(_mm_alignr_epi8(dchg, feba, 8)));
}

/// Four rounds with the message words `w`.
SHA_TARGET static inline sha_state four_rounds(sha_state s, __m128i w, int round) {
    const __m128i sum = _mm_add_epi32(w, _mm_load_si128((const __m128i *)(round_constants + round)));
    const __m128i next = _mm_sha256rnds2_epu32(s.cdgh, s.abef, sum);
    return (sha_state){_mm_sha256rnds2_epu32(s.abef, next, _mm_shuffle_epi32(sum, 0x0e)), next};
}

/// The next four message words after `w0` to `w3`.
SHA_TARGET static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

SHA_TARGET static inline __m128i words_of(const uint8_t *block, int index) {
    return swapped(_mm_loadu_si128((const __m128i *)(block + 16 * index)));
}

SHA_TARGET static inline sha_state add(sha_state a, sha_state b) {
    return (sha_state){_mm_add_epi32(a.abef, b.abef), _mm_add_epi32(a.cdgh, b.cdgh)};
}

SHA_TARGET static inline sha_state compress(sha_state state, const uint8_t *block) {
    sha_state s = state;
    __m128i w[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
        w[i & 3] = i < 4 ? words_of(block, i) : next_words(w[i & 3], w[(i + 1) & 3], w[(i + 2) & 3], w[(i + 3) & 3]);
        s = four_rounds(s, w[i & 3], 4 * i);
    }
    return add(state, s);
}

SHA_TARGET void nrx_sha256(const void *bytes, size_t count, uint8_t *digest) {
    const uint8_t *block = bytes;
    sha_state state = first_state();
    for (size_t blocks = count / block_bytes; blocks > 0; blocks--, block += block_bytes) state = compress(state, block);
    // What is left, the bit 1, zeros, and the length in bits: one block, or two where that does not fit.
    const size_t rest = count % block_bytes;
    uint8_t end[2 * block_bytes] = {0};
    if (rest > 0) memcpy(end, block, rest);
    end[rest] = 0x80;
    const size_t end_bytes = rest < block_bytes - sizeof(uint64_t) ? block_bytes : 2 * block_bytes;
    const uint64_t bits = __builtin_bswap64((uint64_t)count * 8);
    memcpy(end + end_bytes - sizeof bits, &bits, sizeof bits);
    state = compress(state, end);
    if (end_bytes > block_bytes) state = compress(state, end + block_bytes);
    store_digest(state, digest);
}

SHA_TARGET void nrx_sha256_leaf(const uint8_t *entry, uint8_t *digest) {
    enum { bits = 8 * (1 + digest_bytes) };
    uint8_t block[block_bytes] = {0};
    memcpy(block + 1, entry, digest_bytes);
    block[1 + digest_bytes] = 0x80;
    block[block_bytes - 2] = bits >> 8;
    block[block_bytes - 1] = bits & 0xff;
    store_digest(compress(first_state(), block), digest);
}

SHA_TARGET void nrx_sha256_node(const uint8_t *left, const uint8_t *right, uint8_t *digest) {
    enum { bits = 8 * (1 + 2 * digest_bytes) };
    uint8_t blocks[2 * block_bytes] = {1};
    memcpy(blocks + 1, left, digest_bytes);
    memcpy(blocks + 1 + digest_bytes, right, digest_bytes);
    blocks[1 + 2 * digest_bytes] = 0x80;
    blocks[2 * block_bytes - 2] = bits >> 8;
    blocks[2 * block_bytes - 1] = bits & 0xff;
    store_digest(compress(compress(first_state(), blocks), blocks + block_bytes), digest);
}

#else

// Never called: the library hashes instead.
bool nrx_sha256_is_available(void) { return false; }
void nrx_sha256(const void *bytes, size_t count, uint8_t *digest) { __builtin_trap(); }
void nrx_sha256_leaf(const uint8_t *entry, uint8_t *digest) { __builtin_trap(); }
void nrx_sha256_node(const uint8_t *left, const uint8_t *right, uint8_t *digest) { __builtin_trap(); }

#endif
