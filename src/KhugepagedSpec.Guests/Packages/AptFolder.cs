namespace KhugepagedSpec.Guests.Packages;

/// <summary>A folder with a configuration of apt that is ours alone: Debian's kernels from the machine's mirror, nothing of the machine
/// changed.</summary>
/// <param name="folder">Where it is.</param>
/// <param name="architecture">Whose packages; x86-64's if nothing is said.</param>
internal sealed class AptFolder(string folder, Architecture? architecture = null)
{
    // Where Debian's cloud kernels are, newest first.
    private static readonly string[] Suites = ["sid", "trixie-backports", "experimental", "trixie", "bookworm-backports", "bookworm"];

    private static readonly TimeSpan Lasting = TimeSpan.FromDays(1);

    private readonly string _debian = (architecture ?? Architecture.X86).DebianName;

    public string ConfigPath => Path.Combine(folder, "apt.conf");

    private string SourcesPath => Path.Combine(folder, "sources.list");

    // Its time of change is that of the last answer.
    private string AnsweredPath => Path.Combine(folder, "answered");

    /// <summary>Whether the lists are of today, and of the present sources.</summary>
    public bool IsFresh => File.Exists(AnsweredPath)
        && Math.Abs((DateTime.UtcNow - File.GetLastWriteTimeUtc(AnsweredPath)).Ticks) < Lasting.Ticks;

    /// <summary>The sources: all suites of the archive that have kernels.</summary>
    public string Sources(string archive, string keyring) =>
        string.Concat(Suites.Select(suite => $"deb [arch={_debian} target=Packages signed-by={keyring}] {archive} {suite} main\n"));

    /// <summary>The configuration, read after the machine's own: whatever is the machine's stays away, its proxies apply.</summary>
    public string Configuration() =>
        $$"""
        Dir::Etc::SourceList "{{SourcesPath}}";
        Dir::Etc::SourceParts "/dev/null";
        Dir::Etc::Preferences "/dev/null";
        Dir::Etc::PreferencesParts "/dev/null";
        Dir::State::Lists "{{Path.Combine(folder, "lists")}}";
        Dir::State::Status "{{Path.Combine(folder, "status")}}";
        Dir::Cache "{{Path.Combine(folder, "cache")}}";
        APT::Default-Release "";
        APT::Architecture "{{_debian}}";
        #clear APT::Architectures;
        APT::Architectures { "{{_debian}}"; };
        APT::Sandbox::User "root";
        #clear APT::Update::Pre-Invoke;
        #clear APT::Update::Post-Invoke;
        #clear APT::Update::Post-Invoke-Success;
        Acquire::Languages "none";
        Acquire::GzipIndexes "true";
        Acquire::PDiffs "false";
        Acquire::Retries "1";
        Acquire::http::Timeout "20";
        Acquire::https::Timeout "20";

        """;

    /// <summary>Writes everything that apt needs; what was known of another archive is asked for again.</summary>
    public void Prepare(string sources)
    {
        Directory.CreateDirectory(Path.Combine(folder, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(folder, "cache", "archives", "partial"));
        if (!File.Exists(SourcesPath) || File.ReadAllText(SourcesPath) != sources)
        {
            File.Delete(AnsweredPath);
            File.WriteAllText(SourcesPath, sources);
        }
        File.WriteAllText(ConfigPath, Configuration());
        File.WriteAllText(Path.Combine(folder, "status"), "");
    }

    /// <summary>The server answered just now.</summary>
    public void Answered() => File.WriteAllText(AnsweredPath, "");
}
