namespace KhugepagedSpec.Races.Trace;

/// <summary>Roles of a race's threads, as their traces name them, where a role tells what no event does.</summary>
internal static class Roles
{
    /// <summary>Registers VMAs with userfaultfd.</summary>
    public const string Userfaultfd = "userfaultfd";

    /// <summary>Changes settings.</summary>
    public const string Settings = "settings";

    /// <summary>Poisons pages.</summary>
    public const string HwPoison = "hwpoison";

    /// <summary>A role that takes the mmap lock for writing for the sake of what it is called.</summary>
    public static bool IsOfWriter(string role) => role is "munmap" or "merge" or "neighbour" or "mremap" or "mprotect" or "mlock"
        or Userfaultfd or Settings or "aging";
}
