// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Programs hold all that they need of Swift's libraries: they run where there is no toolchain, start sooner, and call what they
/// call most without going through tables (docs/benchmarks.md, "What the build does for speed").
let standalone: [LinkerSetting] = [
    // The linker that is used otherwise warns at every build of a call that Foundation makes.
    .unsafeFlags(["-static-stdlib", "-use-ld=lld"]),
    // What Foundation's own libraries are made of. The shared ones bring it along.
    .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"), .linkedLibrary("_FoundationCShims"),
    .linkedLibrary("_FoundationCollections"),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// The page `GET /verify`, put together by `VerifyPage`.
let verifyPage = [
    "verify.html", "verify.css", "bytes.mjs", "canonical.mjs", "claims.mjs", "documents.mjs", "ed25519.mjs",
    "events.mjs", "explain.mjs", "hashing.mjs", "json.mjs", "keys.mjs", "members.mjs", "notes.mjs", "page.mjs",
    "parts.mjs", "proof.mjs", "provenance.mjs", "recovery.mjs", "render.mjs", "verdict.mjs",
]

let package = Package(
    name: "nrx-ledger",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "nrx-server", targets: ["nrx-server"]),
        .executable(name: "nrx-replay", targets: ["nrx-replay"]),
        .executable(name: "nrx", targets: ["nrx"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    // In the order of who may import whom: a module imports only modules above it.
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CSHA256"),

        .target(name: "Merkle", dependencies: ["CSHA256", crypto], swiftSettings: strict),
        .target(name: "CanonicalJSON", swiftSettings: strict),
        .target(
            name: "EventStore", dependencies: ["CLZ4", "CLinux", "Merkle", "CanonicalJSON", crypto],
            swiftSettings: strict),
        .target(
            name: "Proofs", dependencies: ["CSodium", "Merkle", "CanonicalJSON", crypto],
            resources: [.embedInCode("Resources/regulatory-table.json")], swiftSettings: strict),
        .target(
            name: "Ledger", dependencies: ["EventStore", "Proofs", "CanonicalJSON", "Merkle", crypto],
            swiftSettings: strict),
        .target(name: "SQLite", dependencies: [sqlite], swiftSettings: strict),
        .target(
            name: "Projections",
            dependencies: [
                "CLinux", "EventStore", "Ledger", "Proofs", "CanonicalJSON", "Merkle", "SQLite", grdb, sqlite, crypto,
            ],
            swiftSettings: strict),
        .target(
            name: "Sandbox", dependencies: ["CLinux", "CSeccomp", "CSodium", "Merkle", "Proofs", logging],
            swiftSettings: strict),
        .target(
            name: "Vault", dependencies: ["CSodium", "CLinux", "Merkle", "EventStore", "Proofs", "SQLite", grdb],
            swiftSettings: strict),
        .target(
            name: "API",
            dependencies: [
                "EventStore", "Proofs", "Ledger", "Projections", "Sandbox", "Vault", "CanonicalJSON", "Merkle",
                "CSodium", crypto, hummingbird, .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "JWTKit", package: "jwt-kit"),
                httpClient, lifecycle, signals, logging,
            ], resources: verifyPage.map { .embedInCode("Pages/verify/\($0)") }, swiftSettings: strict),
        .target(
            name: "Replay",
            dependencies: ["EventStore", "Proofs", "Ledger", "Projections", "CanonicalJSON", "Merkle", "CLinux"],
            swiftSettings: strict),
        .executableTarget(
            name: "nrx-server", dependencies: ["API", "CanonicalJSON", arguments], swiftSettings: strict,
            linkerSettings: standalone),
        .executableTarget(
            name: "nrx-replay", dependencies: ["Replay", arguments], swiftSettings: strict, linkerSettings: standalone),

        .target(
            name: "Client",
            dependencies: [
                "CanonicalJSON", httpClient, .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "nrx", dependencies: ["Client", "CanonicalJSON", arguments], swiftSettings: strict,
            linkerSettings: standalone),

        .executableTarget(
            name: "nrx-bench",
            dependencies: [
                "CSodium", "CLinux", "EventStore", "Proofs", "Ledger", "Projections", "Sandbox", "CanonicalJSON",
                "Merkle", "Vault", crypto, sqlite, hummingbird, httpClient, logging, arguments,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], path: "Benchmarks/Sources", swiftSettings: strict, linkerSettings: standalone),

        .testTarget(name: "MerkleTests", dependencies: ["Merkle", "CanonicalJSON"], swiftSettings: strict),
        .testTarget(name: "CanonicalJSONTests", dependencies: ["CanonicalJSON"], swiftSettings: strict),
        .target(
            name: "FaultCampaign", dependencies: ["EventStore", "Merkle", "CanonicalJSON", crypto],
            path: "Tests/FaultCampaign", swiftSettings: strict),
        .executableTarget(
            name: "nrx-fault", dependencies: ["FaultCampaign", arguments], path: "Tests/nrx-fault",
            swiftSettings: strict),
        .target(
            name: "FuzzTargets", dependencies: ["CLZ4", "CLinux", "EventStore", "Proofs", "CanonicalJSON", "Merkle"],
            path: "Tests/FuzzTargets", swiftSettings: strict),
        .executableTarget(
            name: "nrx-fuzz", dependencies: ["FuzzTargets"], path: "Tests/nrx-fuzz", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "EventStore", "Merkle"], swiftSettings: strict),
        .testTarget(
            name: "EventStoreTests",
            dependencies: ["EventStore", "FaultCampaign", "Merkle", "CanonicalJSON", "CLZ4", crypto],
            swiftSettings: strict),
        .testTarget(
            name: "ProofsTests", dependencies: ["Proofs", "CanonicalJSON", "Merkle", "CSodium", crypto],
            swiftSettings: strict),
        .target(
            name: "LedgerFixtures", dependencies: ["Ledger", "Proofs", "EventStore", "CanonicalJSON", "Merkle"],
            path: "Tests/LedgerFixtures", swiftSettings: strict),
        .testTarget(
            name: "LedgerTests",
            dependencies: ["Ledger", "LedgerFixtures", "EventStore", "Proofs", "CanonicalJSON", "Merkle", crypto],
            swiftSettings: strict),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: [
                "Projections", "Ledger", "LedgerFixtures", "Proofs", "EventStore", "CanonicalJSON", "Merkle", "SQLite",
                grdb,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SandboxTests",
            dependencies: ["Sandbox", "LedgerFixtures", "Proofs", "Merkle", "CLinux", "CSeccomp", logging],
            swiftSettings: strict),
        .testTarget(
            name: "VaultTests", dependencies: ["Vault", "EventStore", "Merkle", grdb, crypto], swiftSettings: strict),
        .target(
            name: "ServerFixtures", dependencies: ["CanonicalJSON"], path: "Tests/ServerFixtures", swiftSettings: strict
        ),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "Client", "ServerFixtures", "CanonicalJSON", hummingbird,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ], swiftSettings: strict),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "ServerFixtures", "LedgerFixtures", "EventStore", "Ledger", "Projections", "Sandbox", "Vault",
                "Proofs",
                "CanonicalJSON", "Merkle", crypto, hummingbird,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"), logging,
            ], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ServerFixtures", "LedgerFixtures", "EventStore", "Ledger", "CanonicalJSON", "Merkle",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], exclude: ["verify_log.py", "golden", "Clients"], swiftSettings: strict),
        .testTarget(
            name: "ReplayTests",
            dependencies: [
                "Replay", "API", "LedgerFixtures", "EventStore", "Ledger", "Projections", "Proofs", "CanonicalJSON",
                "Merkle",
            ], exclude: ["VerifyPage/browser", "VerifyPage/modules.test.mjs"], swiftSettings: strict),
    ]
)
