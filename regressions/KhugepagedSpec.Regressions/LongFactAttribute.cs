namespace KhugepagedSpec.Regressions;

/// <summary>A fact that takes minutes: looked at if KHUGEPAGEDSPEC_LONG is set, as .ci/run does; else skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LongFactAttribute : FactAttribute
{
    public LongFactAttribute()
    {
        if (!Long.IsAsked)
            Skip = "takes minutes: .ci/run does, or KHUGEPAGEDSPEC_LONG=1 dotnet test";
    }
}
