// swift-tools-version: 6.1
// borgfs: BorgBackup 1.4 made native. Targets stand bottom-up; a room may import rooms on lower lines only.
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("MemberImportVisibility")]

func systemLibrary(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "BorgTesting"] + dependencies,
    resources: resources, swiftSettings: settings)
}

let package = Package(
  name: "borgfs",
  products: [
    .executable(name: "borg", targets: ["borg"]),
    .executable(name: "borgfs", targets: ["borgfs"]),
  ],
  targets: [
    // The operating system's own calls that Swift's Glibc module leaves out.
    .target(name: "CLinux", path: "CLinux"),
    systemLibrary("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
    systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
    systemLibrary("CLZ4", pkgConfig: "liblz4", apt: "liblz4-dev"),
    systemLibrary("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
    systemLibrary("CLZMA", pkgConfig: "liblzma", apt: "liblzma-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    systemLibrary("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
    // Pins libfuse's API version and turns its macros and versioned inlines into functions.
    .systemLibrary(name: "CLibFuse3", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
    .target(name: "CFuse", dependencies: ["CLibFuse3"], path: "CFuse"),

    // What every stored byte means. No I/O, no C, no keys.
    room("BorgFormat", []),
    // Files, threads, processes, terminal, clock, environment, Monitor. Knows nothing of Borg.
    room("BorgSystem", ["CLinux"]),
    // Plain chunk to stored object and back: chunkers, compression, keys. The hot room.
    room("BorgObjects", ["BorgFormat", "BorgSystem", "CSodium", "CCrypto", "CLZ4", "CZstd", "CLZMA", "CZlib"]),
    // Stored objects: segments, index, transactions, locks. Never sees plaintext or a key.
    room("BorgRepository", ["BorgFormat", "BorgSystem", "CSodium", "CZlib"]),
    // Archives as a read-only tree. Pure.
    room("BorgTree", ["BorgFormat"]),
    // Manifest, archives, chunk reading and writing, caches, selection.
    room(
      "BorgArchive",
      ["BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository", "CPCRE2"]),
    // Live files to archive and back.
    room(
      "BorgTransfer",
      ["BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository", "BorgArchive", "CLinux"]),
    // Kernel requests to tree calls.
    room(
      "BorgMount",
      ["BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository", "BorgArchive", "BorgTree", "CFuse", "CLinux"]),
    // What the user types and reads.
    room(
      "BorgCommands",
      [
        "BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository", "BorgArchive", "BorgTransfer", "BorgTree",
        "BorgMount",
      ]),
    .executableTarget(name: "borg", dependencies: ["BorgCommands"], swiftSettings: settings),
    .executableTarget(name: "borgfs", dependencies: ["BorgCommands"], swiftSettings: settings),

    // Doubles and builders for tests: MemoryRepository, RecordingMonitor, temporary folders, vectors.
    .target(
      name: "BorgTesting", dependencies: ["BorgFormat", "BorgSystem", "BorgRepository", "BorgTree"],
      path: "Tests/BorgTesting",
      swiftSettings: settings),
    tests("BorgFormat", []),
    tests("BorgSystem", []),
    tests("BorgObjects", ["BorgFormat"]),
    tests("BorgRepository", ["BorgFormat", "BorgSystem", "CZlib"]),
    tests("BorgTree", ["BorgFormat", "BorgSystem"]),
    tests("BorgArchive", ["BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository"]),
    tests("BorgTransfer", ["BorgFormat", "BorgSystem", "BorgObjects", "BorgRepository", "BorgArchive"]),
    tests(
      "BorgMount", ["BorgArchive", "BorgObjects", "BorgRepository", "BorgFormat", "BorgSystem", "BorgTree", "CLinux"]),
    tests("BorgCommands", ["BorgFormat", "BorgSystem"]),
  ]
)
