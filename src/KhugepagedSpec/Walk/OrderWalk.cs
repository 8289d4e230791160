using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>One version's way through the windows of a PMD range: what to try next, given what happened.</summary>
/// <param name="Name">A short name for listings.</param>
public abstract record OrderWalk(string Name)
{
    /// <summary>Linux 7.2 and v19: an offset and an order, no stack.</summary>
    public static OrderWalk Offset { get; } = new OffsetWalk("offset");

    /// <summary>v18: a stack; children are pushed if some lower order is enabled.</summary>
    public static OrderWalk Stack { get; } = new StackWalk("stack", OnlyToEnabled: true);

    /// <summary>v17 and before: a stack; children are pushed down to the smallest order there is.</summary>
    public static OrderWalk FullStack { get; } = new StackWalk("stack, full depth", OnlyToEnabled: false);

    /// <summary>Up to 7.1: the PMD's window and no other.</summary>
    public static OrderWalk PmdOnly { get; } = new PmdOnlyWalk("PMD only");

    /// <summary>It remembers windows on a stack; else an offset and an order are all that it knows.</summary>
    public virtual bool HasStack => false;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried; fixed for the whole walk.</param>
    public IOrderWalker Begin(Geometry geometry, OrderSet enabled) => Use(new Boxed(geometry, enabled));

    /// <summary>Hands the walk over to code that wants to know its type, to run it without a call.</summary>
    public abstract TResult Use<TResult>(IWalkerUse<TResult> use);

    private sealed record Boxed(Geometry Geometry, OrderSet Enabled) : IWalkerUse<IOrderWalker>
    {
        public IOrderWalker With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker => begin(Geometry, Enabled);
    }

    private sealed record OffsetWalk(string Name) : OrderWalk(Name)
    {
        public override TResult Use<TResult>(IWalkerUse<TResult> use) =>
            use.With((geometry, enabled) => new OffsetWalker(geometry, enabled));
    }

    private sealed record StackWalk(string Name, bool OnlyToEnabled) : OrderWalk(Name)
    {
        public override bool HasStack => true;

        public override TResult Use<TResult>(IWalkerUse<TResult> use) =>
            use.With((geometry, enabled) => new StackWalker(geometry, enabled, OnlyToEnabled));
    }

    private sealed record PmdOnlyWalk(string Name) : OrderWalk(Name)
    {
        public override TResult Use<TResult>(IWalkerUse<TResult> use) =>
            use.With((geometry, enabled) => new OffsetWalker(geometry, enabled & OrderSet.Of(geometry.PmdOrder)));
    }
}

/// <summary>Something to be done with a walk whose type is known.</summary>
public interface IWalkerUse<out TResult>
{
    /// <summary>Does it.</summary>
    /// <param name="begin">Makes a walker that stands before the first window.</param>
    TResult With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
        where TWalker : struct, IOrderWalker;
}
