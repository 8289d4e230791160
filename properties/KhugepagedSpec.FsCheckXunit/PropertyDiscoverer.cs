using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace FsCheck.Xunit;

/// <summary>Finds the properties of a class for xunit.</summary>
/// <param name="diagnosticMessageSink">Where xunit wants to be told of trouble.</param>
public sealed class PropertyDiscoverer(IMessageSink diagnosticMessageSink) : IXunitTestCaseDiscoverer
{
    /// <inheritdoc/>
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        [new PropertyTestCase(diagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod)];
}

/// <summary>One property as xunit sees it: one test.</summary>
public sealed class PropertyTestCase : XunitTestCase
{
    /// <summary>For deserialization only.</summary>
    [Obsolete("Called by the deserializer.")]
    public PropertyTestCase()
    {
    }

    internal PropertyTestCase(IMessageSink sink, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(sink, display, options, method)
    {
    }

    /// <inheritdoc/>
    public override Task<RunSummary> RunAsync(
        IMessageSink diagnosticMessageSink, IMessageBus messageBus, object[] constructorArguments, ExceptionAggregator aggregator,
        CancellationTokenSource cancellationTokenSource) =>
        new CaseRunner(this, DisplayName, SkipReason, constructorArguments, messageBus, aggregator, cancellationTokenSource).RunAsync();

    private sealed class CaseRunner(
        IXunitTestCase testCase, string displayName, string skipReason, object[] constructorArguments, IMessageBus messageBus,
        ExceptionAggregator aggregator, CancellationTokenSource cancellation)
        : XunitTestCaseRunner(testCase, displayName, skipReason, constructorArguments, null, messageBus, aggregator, cancellation)
    {
        protected override XunitTestRunner CreateTestRunner(
            ITest test, IMessageBus messageBus, Type testClass, object[] constructorArguments, MethodInfo testMethod, object[] testMethodArguments,
            string skipReason, IReadOnlyList<BeforeAfterTestAttribute> beforeAfterAttributes, ExceptionAggregator aggregator,
            CancellationTokenSource cancellationTokenSource) =>
            new TestRunner(test, messageBus, testClass, constructorArguments, testMethod, skipReason, beforeAfterAttributes, aggregator, cancellationTokenSource);
    }

    // xunit counts the arguments before it calls; FsCheck makes the real ones.
    private sealed class TestRunner(
        ITest test, IMessageBus messageBus, Type testClass, object[] constructorArguments, MethodInfo testMethod, string skipReason,
        IReadOnlyList<BeforeAfterTestAttribute> beforeAfterAttributes, ExceptionAggregator aggregator, CancellationTokenSource cancellation)
        : XunitTestRunner(
            test, messageBus, testClass, constructorArguments, testMethod, new object[testMethod.GetParameters().Length], skipReason, beforeAfterAttributes,
            aggregator, cancellation)
    {
        private readonly PropertyRunner _listener = new();
        private string _report = "";

        protected override async Task<Tuple<decimal, string>> InvokeTestAsync(ExceptionAggregator aggregator)
        {
            var result = await base.InvokeTestAsync(aggregator);
            return Tuple.Create(result.Item1, result.Item2 + _listener.Cases + _report);
        }

        protected override Task<decimal> InvokeTestMethodAsync(ExceptionAggregator aggregator) =>
            new Invoker(this, aggregator).RunAsync();

        private void Check(object? instance)
        {
            var settings = PropertySettings.Of(TestMethod, _listener);
            _listener.Verbose = settings.Verbose;
            foreach (var config in settings.Replays.Add(settings.Config))
                Check(config, instance, settings.QuietOnSuccess);
        }

        private void Check(Config config, object? instance, bool quietOnSuccess)
        {
            FsCheck.Check.Method(config, TestMethod, instance is null ? null : Microsoft.FSharp.Core.FSharpOption<object>.Some(instance));
            if (_listener.Result is not { } result)
                return;
            string report = Runner.onFinishedToString(TestMethod.Name, result);
            if (result is not TestResult.Passed)
                throw new PropertyFailedException(report);
            if (!quietOnSuccess)
                _report += report;
        }

        private sealed class Invoker(TestRunner runner, ExceptionAggregator aggregator)
            : XunitTestInvoker(
                runner.Test, runner.MessageBus, runner.TestClass, runner.ConstructorArguments, runner.TestMethod, runner.TestMethodArguments,
                runner.BeforeAfterAttributes, aggregator, runner.CancellationTokenSource)
        {
            protected override object? CallTestMethod(object testClassInstance)
            {
                runner.Check(testClassInstance);
                return null;
            }
        }
    }
}
