using System.Collections.Immutable;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>A manual page, before it is put into a form.</summary>
/// <param name="Name">What it is filed under: khugepaged-spec-explain.</param>
/// <param name="Sections">From NAME to SEE ALSO.</param>
internal sealed record ManualPage(string Name, ImmutableArray<ManualSection> Sections);

/// <summary>A heading and what is below it.</summary>
internal sealed record ManualSection(string Title, ImmutableArray<ManualBlock> Blocks)
{
    /// <summary>Whether a blank line stands before that block: not before the first, and not between lines.</summary>
    public bool IsApart(int block) => block > 0 && (Blocks[block], Blocks[block - 1]) is not (ManualBlock.Line, ManualBlock.Line);
}

/// <summary>A piece of a section.</summary>
internal abstract record ManualBlock
{
    /// <summary>Text that is filled to the width of the page.</summary>
    internal sealed record Paragraph(string Text) : ManualBlock;

    /// <summary>A line that stays as it is.</summary>
    internal sealed record Line(string Text) : ManualBlock;

    /// <summary>An option, argument or command, and what it is for.</summary>
    internal sealed record Item(string Term, string Text) : ManualBlock;
}
